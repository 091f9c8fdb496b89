package seal

import (
	"fmt"
	"testing"
	"time"
)

// The cache holds so many keys and no more, and lets go of the one that was not used longest.
func TestCacheIsBounded(t *testing.T) {
	now := time.Unix(0, 0)
	c := newCache(3, time.Minute, func() time.Time { return now })
	for i := range 3 {
		_, ticket := c.get("")
		c.put(&Key{id: fmt.Sprint(i)}, ticket)
	}
	c.get("0")
	_, ticket := c.get("3")
	c.put(&Key{id: "3"}, ticket)
	for id, want := range map[string]bool{"0": true, "1": false, "2": true, "3": true} {
		if key, _ := c.get(id); (key != nil) != want {
			t.Errorf("key %s: there %v, want %v", id, key != nil, want)
		}
	}
	if len(c.entries) != 3 || c.order.Len() != 3 {
		t.Errorf("%d entries, %d in order", len(c.entries), c.order.Len())
	}
	now = now.Add(time.Minute)
	if key, _ := c.get("0"); key != nil {
		t.Error("it outlived its time")
	}
}

// A key that is destroyed while another reads it from the record does not come back with that reading.
func TestCacheDoesNotTakeBackAForgottenKey(t *testing.T) {
	c := newCache(3, time.Minute, time.Now)
	_, ticket := c.get("a") // not there: read from the record …
	c.forget("a")           // … destroyed meanwhile …
	c.put(&Key{id: "a"}, ticket)
	if key, _ := c.get("a"); key != nil {
		t.Error("the destroyed key is in the cache")
	}
}
