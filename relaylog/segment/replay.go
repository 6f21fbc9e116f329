package segment

import "fmt"

// Replay hands over the pairs of every group from a place on, in order. The slices are valid during the call. from is a place that End has returned;
// the zero Position is the beginning.
func (s *Set) Replay(from Position, each func(group uint64, keys, values [][]byte) error) error {
	if from.Segment == 0 {
		from = Position{s.files[0].number, headSize}
	}
	for {
		f, end := s.fileAt(&from)
		if f == nil {
			return fmt.Errorf("replay from segment %016x: it is missing: %w", from.Segment, errTorn)
		}
		for from.Offset < end {
			group, ok, err := f.frameAt(from.Offset, end)
			if err != nil {
				return err
			}
			if !ok {
				return fmt.Errorf("replay %s at %d: %w", f.f.Name(), from.Offset, errTorn)
			}
			if err := handOver(group, each); err != nil {
				return err
			}
			from.Offset += groupHeader + group.frame
		}
		if !s.follows(&from) {
			return nil
		}
	}
}

func handOver(group Item, each func(uint64, [][]byte, [][]byte) error) error {
	var keys, values [][]byte
	for rest := group.Value; len(rest) > 0; {
		it, err := parseItem(rest)
		if err != nil {
			return err
		}
		if it.Kind == itemPair {
			keys, values = append(keys, it.Key), append(values, it.Value)
		}
		rest = rest[it.Size:]
	}
	return each(group.Number, keys, values)
}
