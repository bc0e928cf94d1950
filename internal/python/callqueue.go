package python

// callQueue is a list of calls that wait, first in, first out. The zero value is
// empty.
type callQueue struct {
	head, tail *call
	size       int
}

func (q *callQueue) push(c *call) {
	c.next = nil
	if q.tail == nil {
		q.head = c
	} else {
		q.tail.next = c
	}
	q.tail = c
	q.size++
}

// first returns the first call whose GIL has room for one more, of at most most.
func (q *callQueue) first(most int) *call {
	for c := q.head; c != nil; c = c.next {
		if c.target.gil.room(most) {
			return c
		}
	}
	return nil
}

// remove takes c out, and reports whether it was there.
func (q *callQueue) remove(c *call) bool {
	var before *call
	for at := q.head; at != nil; before, at = at, at.next {
		if at != c {
			continue
		}
		if before == nil {
			q.head = c.next
		} else {
			before.next = c.next
		}
		if q.tail == c {
			q.tail = before
		}
		c.next = nil
		q.size--
		return true
	}
	return false
}
