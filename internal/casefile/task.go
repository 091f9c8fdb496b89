package casefile

import (
	"context"
	"errors"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// TaskState is where a task stands.
type TaskState string

// The states of a task.
const (
	TaskOpen    TaskState = "open"
	TaskDone    TaskState = "done"
	TaskDropped TaskState = "dropped" // it was not needed
)

// Task is something to do for a file, by somebody, before a time.
type Task struct {
	ID, FileID string
	State      TaskState
	StaffID    string
	// DueAt is when it should be done, Unix milliseconds.
	DueAt, MadeAt   int64
	MadeBy, EndedBy string
	EndedAt         int64
	Text            string

	keyID  string
	sealed []byte
}

// farthest bounds how far away a task may be.
const farthest = 2 * 366 * 24 * time.Hour

func taskField(id string) seal.Field {
	return seal.Field{Table: "case_task", Column: "text_sealed", Row: id, Version: 1}
}

// AddTask writes what is to be done, by staffID (the file's owner when ""). id is made by the client: sent again, it
// changes nothing. It returns fault.Invalid "fault.case.empty", "fault.case.long", or "fault.case.due" for a time that
// is more than two years away or past by more than a day; fault.Conflict "fault.case.not_open" for a file that is closed.
func (f *Files) AddTask(ctx context.Context, fileID, id, text, staffID string, due time.Time, by audit.Actor) error {
	return f.Write(ctx, fileID, func(tx *store.Tx, file File, key *seal.Key) error {
		return f.addTask(ctx, tx, file, key, id, text, staffID, due, by)
	})
}

// AddTaskWithin is AddTask within the transaction of another act on the file (Write): for the rooms whose work hangs on one.
func (f *Files) AddTaskWithin(ctx context.Context, tx *store.Tx, file File, key *seal.Key, id, text, staffID string, due time.Time, by audit.Actor) error {
	return f.addTask(ctx, tx, file, key, id, text, staffID, due, by)
}

func (f *Files) addTask(ctx context.Context, tx *store.Tx, file File, key *seal.Key, id, text, staffID string, due time.Time, by audit.Actor) error {
	text, err := written(text, maxText)
	if err == nil {
		err = named(id)
	}
	if err != nil {
		return err
	}
	if away := due.Sub(f.now()); away > farthest || away < -24*time.Hour {
		return fault.New(fault.Invalid, "fault.case.due")
	}
	if staffID == "" {
		staffID = file.OwnerID
	}
	n, err := tx.Exec(ctx, `INSERT INTO case_task (id, file_id, key_id, state, staff_id, due_at, made_at, made_by, text_sealed) VALUES ($1, $2, $3, 'open', $4, $5, $6, $7, $8)
		ON CONFLICT (id) DO NOTHING`, id, file.ID, key.ID(), staffID, store.Millis(due), store.Millis(f.now()), by.ID, key.SealText(taskField(id), text))
	if err != nil || n == 0 {
		return err
	}
	if err := f.event(ctx, tx, file.ID, by, "task", id, ""); err != nil {
		return err
	}
	tx.AfterCommit(f.tasksChanged)
	return f.record(ctx, tx, by, "case.task", file.ID, map[string]string{"task": id, "for": staffID})
}

// EndTask says that a task is done, or not needed any more. Said twice it stays as it was.
func (f *Files) EndTask(ctx context.Context, fileID, id string, to TaskState, by audit.Actor) error {
	if to != TaskDone && to != TaskDropped {
		return fault.New(fault.Invalid, "fault.case.task_state")
	}
	return f.db.Tx(ctx, func(tx *store.Tx) error { return f.EndTaskWithin(ctx, tx, fileID, id, to, by) })
}

// EndTaskWithin is EndTask within the transaction of another act.
func (f *Files) EndTaskWithin(ctx context.Context, tx *store.Tx, fileID, id string, to TaskState, by audit.Actor) error {
	n, err := tx.Exec(ctx, `UPDATE case_task SET state = $3, rev = rev + 1, ended_at = $4, ended_by = $5 WHERE id = $1 AND file_id = $2 AND state = 'open'`,
		id, fileID, string(to), store.Millis(f.now()), by.ID)
	if err != nil || n == 0 {
		return err
	}
	if err := f.event(ctx, tx, fileID, by, "task_"+string(to), id, ""); err != nil {
		return err
	}
	tx.AfterCommit(f.tasksChanged)
	return f.record(ctx, tx, by, "case.task_"+string(to), fileID, map[string]string{"task": id})
}

const selectTask = `SELECT id, file_id, state, staff_id, due_at, made_at, made_by, ended_at, ended_by, key_id, text_sealed FROM case_task`

func scanTask(r store.Row) (t Task, err error) {
	return t, r.Scan(&t.ID, &t.FileID, &t.State, &t.StaffID, &t.DueAt, &t.MadeAt, &t.MadeBy, &t.EndedAt, &t.EndedBy, &t.keyID, &t.sealed)
}

// Tasks returns the tasks of a file: what is open first, by its time, then what is over, the newest first.
func (f *Files) Tasks(ctx context.Context, fileID string) ([]Task, error) {
	return f.tasks(ctx, selectTask+` WHERE file_id = $1 ORDER BY CASE WHEN state = 'open' THEN 0 ELSE 1 END, CASE WHEN state = 'open' THEN due_at ELSE -ended_at END, id`, fileID)
}

// TasksOf returns what somebody has to do until a time, by its time.
func (f *Files) TasksOf(ctx context.Context, staffID string, until time.Time) ([]Task, error) {
	return f.tasks(ctx, selectTask+` WHERE staff_id = $1 AND state = 'open' AND due_at <= $2 ORDER BY due_at, id LIMIT 200`, staffID, store.Millis(until))
}

// TasksLate returns what should have been done before a time and is not, by whomever: for the supervisors.
func (f *Files) TasksLate(ctx context.Context, before time.Time) ([]Task, error) {
	return f.tasks(ctx, selectTask+` WHERE state = 'open' AND due_at < $1 ORDER BY due_at, id LIMIT 200`, store.Millis(before))
}

func (f *Files) tasks(ctx context.Context, query string, args ...any) ([]Task, error) {
	tasks, err := store.All(ctx, f.db, scanTask, query, args...)
	if err != nil {
		return nil, err
	}
	ring := f.ring()
	for i := range tasks {
		t := &tasks[i]
		plain, err := ring.open(ctx, t.keyID, taskField(t.ID), t.sealed)
		if err != nil {
			return nil, err
		}
		t.Text = string(plain)
	}
	return tasks, nil
}

// remindEvery is how often it is looked whether something became due.
const remindEvery = 30 * time.Second

// Run reminds of what becomes due, and sweeps keys whose file was never written, until ctx ends.
func (f *Files) Run(ctx context.Context) {
	tick := time.NewTicker(remindEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		err := f.remind(ctx)
		if n%120 == 0 {
			err = errors.Join(err, f.sweep(ctx))
		}
		if err != nil && ctx.Err() == nil {
			f.slog.Error("casefile: what is due could not be looked at; trying again", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// remind has the desk of whoever has a task that became due drawn again, once a task, by one node.
func (f *Files) remind(ctx context.Context) error {
	now := store.Millis(f.now())
	due, err := store.All(ctx, f.db, scanText, `SELECT id FROM case_task WHERE state = 'open' AND reminded_at = 0 AND due_at <= $1 LIMIT 500`, now)
	if err != nil || len(due) == 0 {
		return err
	}
	for _, id := range due {
		if _, err := f.db.Exec(ctx, `UPDATE case_task SET reminded_at = $2 WHERE id = $1 AND reminded_at = 0`, id, now); err != nil {
			return err
		}
	}
	f.tasksChanged()
	return nil
}

// tasksChanged announces that what is due has changed; each desk reads its own.
func (f *Files) tasksChanged() { f.bus.Publish("case.tasks", []byte("{}")) }
