package scenarios

import (
	"fmt"
	"maps"
	"slices"
)

// Play plays a scenario to its end. Errors say at which line.
func Play(s *Scenario, w World) error {
	for _, step := range s.Steps {
		if err := play(w, step.Do); err != nil {
			return fmt.Errorf("%s:%d: %w", s.Name, step.Line, err)
		}
	}
	for _, t := range s.Tables {
		if err := w.Await(func() error { return identical(w, t.Name) }); err != nil {
			return fmt.Errorf("%s: in the end %w", s.Name, err)
		}
	}
	return nil
}

func play(w World, v Verb) error {
	switch v := v.(type) {
	case Commit:
		return w.Commit(v.Region, v.Writes)
	case Cut:
		return w.Cut(v.Region, v.To)
	case Heal:
		return w.Heal()
	case Kill:
		return w.Kill(v)
	case Skew:
		return w.Skew(v.Region, v.By)
	case Change:
		return w.Change(v.Rule)
	case Refuse:
		return w.Refuse(v)
	case Accept:
		return w.Accept(v.Region, v.Table)
	case Skip:
		return w.Skip(v.Region, v.Table, v.ID)
	case Resolve:
		return w.Resolve(v)
	case Settle:
		return w.Settle()
	case Expect:
		return w.Await(func() error { return expect(w, &v) })
	}
	return fmt.Errorf("%T cannot be played", v)
}

// identical demands the same rows in all regions.
func identical(w World, table string) error {
	first, err := w.Rows(Regions[0], table)
	if err != nil {
		return err
	}
	for _, region := range Regions[1:] {
		rows, err := w.Rows(region, table)
		if err != nil {
			return err
		}
		if !maps.EqualFunc(first, rows, maps.Equal) {
			return fmt.Errorf("table %s is %v in region %s and %v in region %s", table, first, Regions[0], rows, region)
		}
	}
	return nil
}

// expect looks at every region that is meant.
func expect(w World, v *Expect) error {
	regions := Regions
	if v.Region != "" {
		regions = []string{v.Region}
	}
	for _, region := range regions {
		got, want, err := v.look(w, region)
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("region %s has %s, want %s", region, got, want)
		}
	}
	return nil
}

// look says what there is and what is wanted.
func (v *Expect) look(w World, region string) (got, want string, err error) {
	switch v.What {
	case Row, Gone, Count:
		rows, err := w.Rows(region, v.Table)
		if err != nil {
			return "", "", err
		}
		if v.What == Count {
			return fmt.Sprint(len(rows), " rows"), fmt.Sprint(v.Number, " rows"), nil
		}
		got, want = v.ofRow(rows)
		return got, want, nil
	case Conflict, Conflicts:
		list, err := w.Conflicts(region, v.Table)
		if err != nil {
			return "", "", err
		}
		if v.What == Conflicts {
			return fmt.Sprint(len(list), " conflicts ", list), fmt.Sprint(v.Number, " conflicts ", list), nil
		}
		list = slices.DeleteFunc(list, func(n Noted) bool { return n.ID != v.ID })
		return fmt.Sprint(list), fmt.Sprint([]Noted{{v.ID, v.Kind}}), nil
	case Letters:
		n, err := w.Letters(region, v.Table)
		return fmt.Sprint(n, " dead letters"), fmt.Sprint(v.Number, " dead letters"), err
	}
	held, err := w.Held(region, v.Table)
	words := map[bool]string{true: "the table held", false: "the table replicated"}
	return words[held], words[v.What == Held], err
}

// ofRow compares the columns that are named.
func (v *Expect) ofRow(rows map[int]Values) (got, want string) {
	row, stands := rows[v.ID]
	switch {
	case v.What == Gone && !stands:
		return "", ""
	case v.What == Gone:
		return fmt.Sprint("row ", v.ID, " ", row), fmt.Sprint("no row ", v.ID)
	case !stands:
		return fmt.Sprint("no row ", v.ID), fmt.Sprint("row ", v.ID)
	}
	is, shall := Values{}, Values{}
	for _, a := range v.Values {
		if x, ok := row[a.Column]; ok {
			is[a.Column] = x
		}
		if !a.Null {
			shall[a.Column] = a.Value
		}
	}
	return fmt.Sprint("row ", v.ID, " ", is), fmt.Sprint("row ", v.ID, " ", shall)
}
