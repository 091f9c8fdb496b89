package mask

import (
	"slices"
	"strings"
)

// known masks the form's answers: their words wherever they stand, one letter wrong, and the whole of it spread over signs and spaces.
func (r *reading) known(all []Known) {
	for _, k := range all {
		var words []string
		for _, t := range read(k.Text).tokens {
			if t.word && len([]rune(t.fold)) > 1 && !stops[t.fold] && !connectors[t.fold] {
				words = append(words, t.fold)
			}
		}
		for i := range r.tokens {
			t := &r.tokens[i]
			if !t.word {
				continue
			}
			if slices.ContainsFunc(words, func(w string) bool { return alike(w, t.fold) }) {
				t.kind = k.Kind
			}
		}
		r.squeezed(k)
		if first, rest, ok := strings.Cut(k.Text, " "); ok && connectors[fold(first)] {
			r.squeezed(Known{k.Kind, rest})
		}
	}
}

// alike says whether two words are the same but for a letter that is wrong, missing or too many, in words of four letters and more.
func alike(a, b string) bool {
	if a == b {
		return true
	}
	if len(a) < 4 || len(b) < 4 || len(a)-len(b) > 1 || len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	switch {
	case len(a) == len(b):
		return a[i+1:] == b[i+1:] || i+2 <= len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
	case len(a) > len(b):
		return a[i+1:] == b[i:]
	}
	return a[i:] == b[i+1:]
}

// looks are the digits and letters that are written for one another, and the letters of other alphabets that look like ours.
var looks = strings.NewReplacer("0", "o", "1", "i", "l", "i", "3", "e", "4", "a", "5", "s", "7", "t", "8", "b", "$", "s", "@", "a",
	"а", "a", "е", "e", "о", "o", "р", "p", "с", "c", "у", "y", "х", "x", "і", "i", "ѕ", "s", "ο", "o", "α", "a", "ε", "e", "ι", "i", "κ", "k", "ν", "v", "ρ", "p", "τ", "t", "н", "h", "к", "k", "м", "m", "т", "t", "в", "b")

// squeezed finds the whole of an answer with nothing between its signs.
func (r *reading) squeezed(k Known) {
	bare := func(s string) string {
		return looks.Replace(fold(strings.Map(func(c rune) rune {
			if inWord(c) {
				return c
			}
			return -1
		}, clean(s))))
	}
	want := bare(k.Text)
	if len([]rune(want)) < 3 {
		return
	}
	var all strings.Builder
	var owner []int
	for i, t := range r.tokens {
		if !t.word && !strings.ContainsAny(t.text, "@$") {
			continue
		}
		s := looks.Replace(t.fold)
		if !t.word {
			continue
		}
		all.WriteString(s)
		for range len(s) {
			owner = append(owner, i)
		}
	}
	text := all.String()
	for from := 0; ; {
		at := strings.Index(text[from:], want)
		if at < 0 {
			return
		}
		at += from
		for _, i := range owner[at : at+len(want)] {
			r.tokens[i].kind = k.Kind
		}
		from = at + 1
	}
}

// asks are the questions whose answer is masked whole, and as what.
var asks = []struct {
	kind Kind
	when [][]string
}{
	{Name, lines("appelles tu|t appelles|vous appelez|ton prenom|votre prenom|ton nom|votre nom|son prenom|son nom|leurs noms|leur nom|leurs prenoms|quel prenom|qui est ce|c est qui|s appelle|s appellent|comment tu t|your name|his name|her name|their name|their names|name of|who is it|who is he|who is she|called|call you|who did|qui a fait|qui sont")},
	{School, lines("quel college|quel lycee|quelle ecole|quelle classe|ton college|ton lycee|ton ecole|votre college|which school|what school|your school|which class|name of the school|quelle fac|quel etablissement")},
	{Place, lines("habites|habitez|ou vis|ou es|ou etes|quelle ville|quel departement|quel endroit|ton adresse|votre adresse|quelle adresse|quelle rue|ou ca se passe|live|which town|what town|which city|where are you|where is|your address|what address|which street|where do")},
	{Number, lines("ton numero|votre numero|quel numero|numero de telephone|ton code postal|your number|phone number|what number|postcode|date de naissance|date of birth|ton age|quel jour es tu ne")},
	{Handle, lines("pseudo|nom du compte|quel compte|identifiant|ton mail|adresse mail|votre mail|username|handle|account name|name of the account|which account|what account|your email|nom d utilisateur|ton insta|ton snap|nom du groupe|name of the group|le lien|the link")},
}

// harmless are the answers to any question that tell nothing.
var harmless = set(`oui non ouais nan je j sais pas ne veux peux dire le la ok d accord si no yes i don t dont know want to say can cant not sure merci c est un une fille garcon compris vous tu bonjour personne nobody idk jsp rien quoi pourquoi why what ai peur prefere rester anonyme pourquoi hein euh`)

// answers masks the answer to a question that asks for what is masked: all of it but what says yes, no, or that she will not say.
func (r *reading) answers(before string) {
	if before == "" {
		return
	}
	q := read(before)
	for _, a := range asks {
		asked := false
		for i := range q.tokens {
			if q.tokens[i].word {
				if _, ok := q.follows(i, a.when); ok {
					asked = true
					break
				}
			}
		}
		if !asked {
			continue
		}
		total := 0
		for i := range r.tokens {
			if r.tokens[i].word {
				total++
			}
		}
		for i := range r.tokens {
			if t := &r.tokens[i]; t.word && (t.kind == Shown || t.kind == Word) && !harmless[t.fold] && (total <= 12 || !stops[t.fold]) {
				t.kind = a.kind
			}
		}
		return
	}
}
