package simulated

import (
	"fmt"
	"strconv"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/scenarios"
)

// session is an application's transaction while it is made: what it has written so far, on top of what stands in its region.
type session struct {
	w      *World
	region relay.Region
	writes []conflict.Write
	place  map[conflict.Key]int
}

func (s *session) get(table string, id int) (scenarios.Values, bool) {
	k := key(table, id)
	row := s.w.stage.Row(s.region, k)
	if i, written := s.place[k]; written {
		row = s.writes[i].After
	}
	if !row.Exists() {
		return nil, false
	}
	return valuesOf(string(row.Image)), true
}

// put writes a row; nil deletes it.
func (s *session) put(table string, id int, v scenarios.Values) {
	k := key(table, id)
	w := conflict.Write{Key: k}
	if v != nil {
		w.After = s.w.schema.Row(k, image(v))
	}
	if i, written := s.place[k]; written {
		s.writes[i] = w
		return
	}
	s.place[k] = len(s.writes)
	s.writes = append(s.writes, w)
}

// ids lists the rows of a table.
func (s *session) ids(table string) []int {
	var list []int
	seen := make(map[int]bool)
	visit := func(k conflict.Key) {
		if t, id := split(k); t == table && !seen[id] {
			seen[id] = true
			if _, stands := s.get(t, id); stands {
				list = append(list, id)
			}
		}
	}
	for _, k := range s.w.stage.Keys(s.region) {
		visit(k)
	}
	for _, w := range s.writes {
		visit(w.Key)
	}
	return list
}

func (s *session) run(w *scenarios.Write) error {
	switch w.Op {
	case scenarios.Insert:
		for id := w.ID; id <= w.Last; id++ {
			if err := s.insert(w, id); err != nil {
				return err
			}
		}
		return nil
	case scenarios.Update:
		return s.update(w)
	case scenarios.Delete:
		if _, stands := s.get(w.Table, w.ID); !stands {
			return fmt.Errorf("%s has no row %d", w.Table, w.ID)
		}
		return s.remove(w.Table, w.ID)
	}
	for _, id := range s.ids(w.Table) {
		if err := s.remove(w.Table, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) insert(w *scenarios.Write, id int) error {
	if _, stands := s.get(w.Table, id); stands {
		return fmt.Errorf("%s has a row %d already", w.Table, id)
	}
	v := scenarios.Values{}
	assign(v, w.Values)
	if err := s.parents(w.Table, v); err != nil {
		return err
	}
	s.put(w.Table, id, v)
	for _, t := range s.w.scenario.Triggers {
		if t.On == w.Table {
			s.put(t.Into, id, scenarios.Values{})
		}
	}
	return nil
}

func (s *session) update(w *scenarios.Write) error {
	v, stands := s.get(w.Table, w.ID)
	if !stands {
		return fmt.Errorf("%s has no row %d", w.Table, w.ID)
	}
	assign(v, w.Values)
	if err := s.parents(w.Table, v); err != nil {
		return err
	}
	if w.MoveTo == 0 {
		s.put(w.Table, w.ID, v)
		return nil
	}
	if _, taken := s.get(w.Table, w.MoveTo); taken {
		return fmt.Errorf("%s has a row %d already", w.Table, w.MoveTo)
	}
	s.put(w.Table, w.ID, nil)
	s.put(w.Table, w.MoveTo, v)
	return nil
}

func assign(v scenarios.Values, list []scenarios.Assignment) {
	for _, a := range list {
		switch {
		case a.Null:
			delete(v, a.Column)
		case a.Add:
			n, _ := strconv.Atoi(a.Value)
			v[a.Column] = strconv.Itoa(numberIn(v, a.Column) + n)
		default:
			v[a.Column] = a.Value
		}
	}
}

// parents demands that the rows stand that a row references.
func (s *session) parents(table string, v scenarios.Values) error {
	for _, c := range s.w.schema.tables[table].Columns {
		if c.References == "" || v[c.Name] == "" {
			continue
		}
		if _, stands := s.get(c.References, numberIn(v, c.Name)); !stands {
			return fmt.Errorf("%s has no row %s", c.References, v[c.Name])
		}
	}
	return nil
}

// remove deletes a row, and does with its children what their foreign keys say.
func (s *session) remove(table string, id int) error {
	s.put(table, id, nil)
	for _, t := range s.w.scenario.Tables {
		for _, c := range t.Columns {
			if c.References != table {
				continue
			}
			if err := s.orphans(t.Name, &c, id); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) orphans(table string, c *scenarios.Column, parent int) error {
	for _, id := range s.ids(table) {
		v, _ := s.get(table, id)
		if v[c.Name] != strconv.Itoa(parent) {
			continue
		}
		switch c.OnDelete {
		case scenarios.Restrict:
			return fmt.Errorf("row %d of %s references row %d", id, table, parent)
		case scenarios.SetNull:
			delete(v, c.Name)
			s.put(table, id, v)
		default:
			if err := s.remove(table, id); err != nil {
				return err
			}
		}
	}
	return nil
}
