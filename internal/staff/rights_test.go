package staff_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"vigie/internal/staff"
)

// The table as it was decided: one line a right, one letter a role (c counsellor, s supervisor,
// e editor, a administrator, p pending; a dot is a no). Whoever changes a right changes it here too.
const decided = `
profile.own      c s e a o p
desk.use         c s . . . .
contact.read     c s . . . .
contact.answer   c s . . . .
contact.hold     c s . . . .
contact.reveal   . s . . . .
contact.all      . s . . . .
contact.search   c s . . . .
case.use         c s . . . .
case.all         . s . . . .
contact.forget   . s . . . .
contact.illegal  . s . . . .
catalogue.read   c s e a o .
catalogue.write  . . e a . .
guide.read       . s e a . .
guide.write      . . e a . .
catalogue.edit   . . . a . .
block.set        c s . . . .
block.lift       . s . a . .
floor.see        . s . . . .
floor.steer      . s . . . .
visit.host       . s . . . .
contact.listen   . s . . . .
team.room        c s . . . .
team.notice      . s . . . .
exposure.own     c s . . . .
quality.own      c s . . . .
quality.write    . s . . . .
request.book     c s . . o .
request.handle   . . . . o .
staff.manage     . . . a . .
audit.read       . . . a o .
rota.see         c s . a . .
rota.edit        . s . a . .
handover.see     c s . . o .
figures.see      . s . a o .
figures.lines    . s . . o .
wall.manage      . s . a . .
keeping.see      . s . . o .
keeping.rule     . . . . o .
`

// Every right that has a name in rights.go is decided for every role, and the table says what was decided.
func TestEveryPairOfRoleAndRightIsDecided(t *testing.T) {
	want := map[staff.Right]string{}
	for line := range strings.Lines(strings.TrimSpace(decided)) {
		fields := strings.Fields(line)
		want[staff.Right(fields[0])] = strings.Join(fields[1:], "")
	}
	columns := []staff.Role{staff.Counsellor, staff.Supervisor, staff.Editor, staff.Administrator, staff.Officer, staff.Pending}
	for _, right := range staff.Rights() {
		letters, found := want[right]
		if !found || len(letters) != len(columns) {
			t.Errorf("%s is not decided for every role", right)
			continue
		}
		for i, role := range columns {
			person := staff.Person{Active: true, Roles: []staff.Role{role}}
			if got, may := person.Can(right), letters[i] != '.'; got != may {
				t.Errorf("%s, %s: %v, decided %v", role, right, got, may)
			}
		}
		delete(want, right)
	}
	for right := range want {
		t.Errorf("%s is decided and not in the table", right)
	}
	for name, right := range namedRights(t) {
		if right == staff.Public || right == staff.Visitor {
			continue
		}
		if len(staff.Administrator.Rights())+len(staff.Supervisor.Rights()) == 0 || !contains(staff.Rights(), right) {
			t.Errorf("%s = %q has a name and no line in the table", name, right)
		}
	}
}

// namedRights reads the constants of type Right in the source.
func namedRights(t *testing.T) map[string]staff.Right {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "rights.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]staff.Right{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Right" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			named[spec.Names[0].Name] = staff.Right(text)
		}
		return true
	})
	if len(named) < 15 {
		t.Fatalf("only %d rights found in the source", len(named))
	}
	return named
}

func contains(all []staff.Right, one staff.Right) bool {
	for _, r := range all {
		if r == one {
			return true
		}
	}
	return false
}

// Who has two functions may do what either may; who was deactivated may nothing; an unknown role or
// right gives nothing.
func TestRightsOfAPerson(t *testing.T) {
	both := staff.Person{Active: true, Roles: []staff.Role{staff.Counsellor, staff.Administrator}}
	if !both.Can(staff.ContactAnswer) || !both.Can(staff.StaffManage) || both.Can(staff.FloorSteer) {
		t.Error("two roles do not add up")
	}
	gone := staff.Person{Roles: []staff.Role{staff.Administrator}}
	if gone.Can(staff.StaffManage) || gone.Can(staff.ProfileOwn) {
		t.Error("a deactivated person still has rights")
	}
	odd := staff.Person{Active: true, Roles: []staff.Role{"minister"}}
	if odd.Can(staff.FloorSee) || staff.Administrator.Can("everything") {
		t.Error("what is not in the table gives a right")
	}
}

// The two principles of the table hold whatever lines are added.
func TestSeparationOfPowers(t *testing.T) {
	for _, right := range []staff.Right{staff.ContactRead, staff.ContactAll, staff.ContactSearch, staff.ContactReveal} {
		if staff.Administrator.Can(right) {
			t.Errorf("an administrator has %s: she would read children's words", right)
		}
		if staff.Officer.Can(right) {
			t.Errorf("a data protection officer has %s: she would read children's words", right)
		}
	}
	for _, right := range []staff.Right{staff.StaffManage, staff.AuditRead} {
		if staff.Supervisor.Can(right) {
			t.Errorf("a supervisor has %s: she could give herself rights, or see who watches her", right)
		}
	}
}
