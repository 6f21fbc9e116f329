package primary

import "time"

// unanswered is how long what was sent may stay without the other machine's acknowledgement before the connection is given up. Without that a replica whose network
// is gone looks as if it had received everything, for as long as there is room to send into.
const unanswered = 45 * time.Second
