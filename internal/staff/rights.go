package staff

import "slices"

// Role is a function in the helpline; a person may have several and may then do what any of them may.
type Role string

// The roles. Pending is nobody's function: it is what a session counts as while its person still has to
// choose a password of her own or add a second factor.
const (
	Counsellor    Role = "counsellor"
	Supervisor    Role = "supervisor"
	Editor        Role = "editor"
	Administrator Role = "administrator"
	Officer       Role = "officer" // the data protection officer (GDPR Art. 37 to 39)
	Pending       Role = "pending"
)

// Roles lists the functions a person can be given, in the order a form shows them.
var Roles = []Role{Counsellor, Supervisor, Editor, Administrator, Officer}

// Right is what a route or a button needs. "May she touch this very contact" is the contact's own
// question; a right only says that the kind of act belongs to her work.
type Right string

// Rights of routes that ask for no account.
const (
	Public  Right = "public"  // anybody
	Visitor Right = "visitor" // whoever holds the visitor's cookie of an open chat
)

// Rights of staff.
const (
	ProfileOwn Right = "profile.own" // her own password, passkeys, sessions

	DeskUse        Right = "desk.use"        // presence, being offered contacts
	ContactRead    Right = "contact.read"    // a conversation that is hers, and the form and history beside it
	ContactAnswer  Right = "contact.answer"  // write, send cards, ask for an attachment, fill the form, close
	ContactHold    Right = "contact.hold"    // danger protocol: keep the sealed network address
	ContactReveal  Right = "contact.reveal"  // danger protocol: read it, as the second of two people
	ContactAll     Right = "contact.all"     // conversations that are a colleague's
	ContactSearch  Right = "contact.search"  // find contacts again
	CaseUse        Right = "case.use"        // case files: those that are hers, or that she was let into
	CaseAll        Right = "case.all"        // every case file, and whose glass was broken
	ContactForget  Right = "contact.forget"  // erase a contact whose person asked for it, or refuse
	ContactIllegal Right = "contact.illegal" // decide on what was marked possibly illegal, without opening it
	CatalogueRead  Right = "catalogue.read"  // ready answers, cards, protocols, numbers
	CatalogueWrite Right = "catalogue.write" // the words of answers, cards, guides
	CatalogueEdit  Right = "catalogue.edit"  // the rules: taxonomy, form, lexicon, queues, hours, protocols, numbers
	GuideRead      Right = "guide.read"      // the site's pages as they are being written
	GuideWrite     Right = "guide.write"     // write them; publish what another wrote; take them off the site
	BlockSet       Right = "block.set"       // block with a reason and an end
	BlockLift      Right = "block.lift"      // end a colleague's block, see all that run
	FloorSee       Right = "floor.see"       // the floor live: who is on what, who waits
	FloorSteer     Right = "floor.steer"     // assign, set away, surge, close the line, proof of work
	VisitHost      Right = "visit.host"      // have a guest look on at her own screen
	ContactListen  Right = "contact.listen"  // listen to a colleague's call, read along, whisper, join, take over; tell the periods
	RequestBook    Right = "request.book"    // note that somebody asks for her data, or that they be erased
	RequestHandle  Right = "request.handle"  // answer such requests
	StaffManage    Right = "staff.manage"    // accounts, roles, resets, sessions of others
	AuditRead      Right = "audit.read"      // the whole log
	RotaSee        Right = "rota.see"        // who works when; her own days, calendar and swaps
	RotaEdit       Right = "rota.edit"       // plan, publish, decide on swaps
	HandoverSee    Right = "handover.see"    // what a shift begins with: of it, what she may open
	FiguresSee     Right = "figures.see"     // what the helpline did, in numbers
	FiguresLines   Right = "figures.lines"   // take away a workbook with a line for each contact
	WallManage     Right = "wall.manage"     // which screens show the wallboard
	KeepingSee     Right = "keeping.see"     // what goes by which rule, and what is kept
	KeepingRule    Right = "keeping.rule"    // decide how long each kind of data is kept
	TeamRoom       Right = "team.room"       // write to colleagues, read what they write
	TeamNotice     Right = "team.notice"     // say something to all who work
	ExposureOwn    Right = "exposure.own"    // her own minutes of hard material, which nobody else reads
	QualityOwn     Right = "quality.own"     // read and answer the grids that are about her
	QualityWrite   Right = "quality.write"   // fill a grid after a listening
)

// grant says yes or no for every role: an oversight is a hole in the line, not a silent no.
type grant struct{ counsellor, supervisor, editor, administrator, officer, pending bool }

const (
	yes = true
	no  = false
)

// table is the one place where rights are given. Its lines are read by the routes, and by a test that
// walks every role through every route.
//
// Two principles: an administrator runs the house and reads no child's words; a supervisor reads them
// and gives no one rights. Whoever needs both has both roles, and the log says so. The data protection officer decides
// how long things are kept and answers requests about them, reads the log, and neither words nor accounts.
var table = []struct {
	right Right
	grant
}{
	//                couns. superv. editor admin. officer pending
	{ProfileOwn, grant{yes, yes, yes, yes, yes, yes}},
	{DeskUse, grant{yes, yes, no, no, no, no}},
	{ContactRead, grant{yes, yes, no, no, no, no}},
	{ContactAnswer, grant{yes, yes, no, no, no, no}},
	{ContactHold, grant{yes, yes, no, no, no, no}},
	{ContactReveal, grant{no, yes, no, no, no, no}},
	{ContactAll, grant{no, yes, no, no, no, no}},
	{ContactSearch, grant{yes, yes, no, no, no, no}},
	{CaseUse, grant{yes, yes, no, no, no, no}},
	{CaseAll, grant{no, yes, no, no, no, no}},
	{ContactForget, grant{no, yes, no, no, no, no}},
	{ContactIllegal, grant{no, yes, no, no, no, no}},
	{CatalogueRead, grant{yes, yes, yes, yes, yes, no}},
	{CatalogueWrite, grant{no, no, yes, yes, no, no}},
	{CatalogueEdit, grant{no, no, no, yes, no, no}},
	{GuideRead, grant{no, yes, yes, yes, no, no}},
	{GuideWrite, grant{no, no, yes, yes, no, no}},
	{BlockSet, grant{yes, yes, no, no, no, no}},
	{BlockLift, grant{no, yes, no, yes, no, no}},
	{FloorSee, grant{no, yes, no, no, no, no}},
	{FloorSteer, grant{no, yes, no, no, no, no}},
	{VisitHost, grant{no, yes, no, no, no, no}},
	{ContactListen, grant{no, yes, no, no, no, no}},
	{RequestBook, grant{yes, yes, no, no, yes, no}},
	{RequestHandle, grant{no, no, no, no, yes, no}},
	{StaffManage, grant{no, no, no, yes, no, no}},
	{AuditRead, grant{no, no, no, yes, yes, no}},
	{RotaSee, grant{yes, yes, no, yes, no, no}},
	{RotaEdit, grant{no, yes, no, yes, no, no}},
	{HandoverSee, grant{yes, yes, no, no, yes, no}},
	{FiguresSee, grant{no, yes, no, yes, yes, no}},
	{FiguresLines, grant{no, yes, no, no, yes, no}},
	{WallManage, grant{no, yes, no, yes, no, no}},
	{KeepingSee, grant{no, yes, no, no, yes, no}},
	{KeepingRule, grant{no, no, no, no, yes, no}},
	{TeamRoom, grant{yes, yes, no, no, no, no}},
	{TeamNotice, grant{no, yes, no, no, no, no}},
	{ExposureOwn, grant{yes, yes, no, no, no, no}},
	{QualityOwn, grant{yes, yes, no, no, no, no}},
	{QualityWrite, grant{no, yes, no, no, no, no}},
}

func (g grant) has(role Role) bool {
	switch role {
	case Counsellor:
		return g.counsellor
	case Supervisor:
		return g.supervisor
	case Editor:
		return g.editor
	case Administrator:
		return g.administrator
	case Officer:
		return g.officer
	case Pending:
		return g.pending
	}
	return false
}

// Can says whether the role gives the right.
func (role Role) Can(right Right) bool {
	for _, line := range table {
		if line.right == right {
			return line.has(role)
		}
	}
	return false
}

// Rights lists what the role may, in the table's order.
func (role Role) Rights() []Right {
	var all []Right
	for _, line := range table {
		if line.has(role) {
			all = append(all, line.right)
		}
	}
	return all
}

// Rights lists every right of staff, in the table's order.
func Rights() []Right {
	all := make([]Right, len(table))
	for i, line := range table {
		all[i] = line.right
	}
	return all
}

// Can says whether one of her roles gives the right. A person who is not active can nothing.
func (p Person) Can(right Right) bool {
	return p.Active && slices.ContainsFunc(p.Roles, func(role Role) bool { return role.Can(right) })
}

// Has says whether she has the role.
func (p Person) Has(role Role) bool { return slices.Contains(p.Roles, role) }
