package connect

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// sslRequest asks the server whether it speaks TLS; see SSLRequest in "Message Formats".
const sslRequest = 80877103

// OffersTLS asks a server whether it speaks TLS.
func OffersTLS(ctx context.Context, addr string) (bool, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return false, fmt.Errorf("ask %s for TLS: %w", addr, err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 8), sslRequest)
	if _, err := conn.Write(b); err != nil {
		return false, fmt.Errorf("ask %s for TLS: %w", addr, err)
	}
	var answer [1]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return false, fmt.Errorf("ask %s for TLS: %w", addr, err)
	}
	return answer[0] == 'S', nil
}
