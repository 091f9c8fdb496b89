package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"vigie/internal/staff"
)

// password is everybody's, in a record that lives for one measurement.
const password = "seize lampes au bord du chenal"

// withPasswords makes counsellors who can log in, and returns their names.
func (b Bench) withPasswords(ctx context.Context, data, database string, n int) (names []string, err error) {
	h, err := b.Open(ctx, data, database)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	for i := range n {
		p, err := h.Staff.Add(ctx, staff.NewPerson{
			Login: fmt.Sprintf("bench-%03d", i+1), Alias: fmt.Sprintf("Banc %03d", i+1),
			Roles: []staff.Role{staff.Counsellor}, Langs: []string{"fr"}, Password: password,
		}, operator)
		if err != nil {
			return nil, err
		}
		names = append(names, p.Login)
	}
	return names, nil
}

// logIn logs one of them in by the page, as a browser does, and returns her cookie.
func logIn(ctx context.Context, address, name string) (cookie string, err error) {
	door := newDoor(address, 1)
	defer door.close()
	if res, _, err := door.ask(ctx, http.MethodGet, "/desk/login", head{}, nil); err != nil || res.StatusCode != http.StatusOK {
		return "", errors.Join(fmt.Errorf("the log-in page does not open"), err)
	}
	res, _, err := door.ask(ctx, http.MethodPost, "/desk/login", head{}, url.Values{"login": {name}, "password": {password}})
	if err != nil {
		return "", err
	}
	for _, k := range res.Cookies() {
		if k.Name == staffCookie && k.Value != "" {
			return k.Name + "=" + k.Value, nil
		}
	}
	return "", fmt.Errorf("%s could not log in: the page answered %d", name, res.StatusCode)
}
