package flood

import "time"

// Act is something a visitor, or a stranger, may do too often.
type Act string

// What is limited. A new act needs a row in Limits, where each choice is explained.
const (
	// OpenChat opens a conversation.
	OpenChat Act = "chat.open"
	// SendMessage sends a chat message; counted per contact, not per network.
	SendMessage Act = "chat.send"
	// SendFile uploads an attachment that a counsellor asked for; counted per contact.
	SendFile Act = "chat.file"
	// LeaveMessage leaves a message when the helpline is closed.
	LeaveMessage Act = "message.leave"
	// MakeCode makes the four words of a contact; counted per contact, because each is made slowly.
	MakeCode Act = "code.make"
	// TryCode tries the four words of a resume code.
	TryCode Act = "code.try"
	// TryReceipt tries the receipt of a partner line; counted per member of staff.
	TryReceipt Act = "receipt.try"
	// LogIn tries a password, a passkey or a one-time code of staff.
	LogIn Act = "staff.login"
)

// Limit is one token bucket's shape, and what happens when it cannot be kept.
type Limit struct {
	Act Act
	// Burst is how many are free at once. A whole school, or a ward of a hospital, shares one address:
	// for what a frightened child does, it is a school's size.
	Burst int
	// Every is how long one more takes to become free.
	Every time.Duration
	// MaxDelay bounds the wait put on one request. Debt beyond it is not kept, so that nobody pays
	// tonight for what a neighbour did this afternoon.
	MaxDelay time.Duration
	// Beyond says what happens to a request when the wait is already MaxDelay.
	Beyond Beyond
	// FailOpen says what happens when a bucket cannot be kept (the address is not known, or the memory
	// is full of networks that are all in debt): true lets the request go as if it were the first of
	// its network; false makes it share one bucket with all the others in that case.
	FailOpen bool
	// Surge is how many in one minute, from all networks together on this node, turn the proof of work
	// on by themselves (0: never).
	Surge int
}

// Beyond is what happens when waiting longer would help nobody.
type Beyond string

const (
	// Serve serves the request after MaxDelay, for what must not be refused to a child. Only a debt
	// serveDepth times deeper, which is a program and not a thumb, is told to come again.
	Serve Beyond = "serve"
	// AskProof asks for a silent proof of work; a request that carries one is served after MaxDelay.
	AskProof Beyond = "proof"
	// Later refuses with the time after which to try again.
	Later Beyond = "later"
)

// serveDepth is how many times MaxDelay a bucket that serves may go into debt. It keeps many requests
// waiting side by side from going faster than one after the other.
const serveDepth = 10

// Limits is the whole table, in the order of what would hurt a child most if it were wrong.
var Limits = []Limit{
	// A conversation is never lost to a limit. 4 a second for a minute is a phone that resends.
	{Act: SendMessage, Burst: 40, Every: 500 * time.Millisecond, MaxDelay: 5 * time.Second, Beyond: Serve, FailOpen: true},
	// A campaign in a school: 300 pupils open the chat within minutes from one address.
	{Act: OpenChat, Burst: 300, Every: time.Second, MaxDelay: 15 * time.Second, Beyond: AskProof, FailOpen: true, Surge: 1200},
	{Act: LeaveMessage, Burst: 100, Every: 3 * time.Second, MaxDelay: 15 * time.Second, Beyond: AskProof, FailOpen: true, Surge: 600},
	// One proof is asked for at a time, so a file every ten seconds is already generous.
	{Act: SendFile, Burst: 6, Every: 10 * time.Second, MaxDelay: 20 * time.Second, Beyond: Later, FailOpen: true},
	// New words take the old ones' place; nobody needs a third paper in a minute.
	{Act: MakeCode, Burst: 3, Every: 5 * time.Second, MaxDelay: 5 * time.Second, Beyond: Later, FailOpen: false},
	// A class comes back within minutes. Wrong words are slowed hard where they are compared (contact/resume.go);
	// right ones count here too and are never given back, because each try is slow to compute, and one good code in
	// the hands of a program would keep everybody else's waiting. None becomes free by filling our memory.
	{Act: TryCode, Burst: 30, Every: 2 * time.Second, MaxDelay: 20 * time.Second, Beyond: Later, FailOpen: false},
	// A supervisor types one receipt a telephone call; ten are an evening's typing errors.
	{Act: TryReceipt, Burst: 10, Every: 5 * time.Second, MaxDelay: 20 * time.Second, Beyond: Later, FailOpen: false},
	{Act: LogIn, Burst: 10, Every: 5 * time.Second, MaxDelay: 20 * time.Second, Beyond: Later, FailOpen: false},
}
