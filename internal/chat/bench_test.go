package chat_test

import (
	"testing"

	"vigie/internal/chat"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func BenchmarkSend(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, open(b))
			ct := w.talking(claire)
			w.says(ct, "bonjour")
			b.Run("one after the other", func(b *testing.B) {
				for range b.N {
					w.says(ct, "un message comme un autre, de quelques mots")
				}
			})
			b.Run("many people at once", func(b *testing.B) {
				b.SetParallelism(64)
				b.RunParallel(func(pb *testing.PB) {
					ct := w.talking(claire)
					for pb.Next() {
						_, err := w.Send(w.ctx, chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID,
							Body: "un message comme un autre, de quelques mots"})
						if err != nil {
							b.Error(err)
						}
					}
				})
			})
		})
	}
}
