package mask

import (
	"slices"
	"strings"
)

// rules find what is told in ordinary words. Each takes away; none gives back, but the first, which leaves an age.
var rules = []func(*reading){
	(*reading).counts, (*reading).numbers, (*reading).dates, (*reading).spelled, (*reading).longPlaces, (*reading).saints,
	(*reading).links, (*reading).mails, (*reading).introduced, (*reading).platforms, (*reading).lives, (*reading).streets,
	(*reading).schools, (*reading).named, (*reading).capitals, (*reading).modals,
}

// stops end what follows "my name is": nobody is called so.
var stops = set(`je j tu t il elle on nous vous ils elles c ca et ou mais donc car que qu qui quand si comme parce puis alors est suis es a ai as ont avait avec pour sans dans chez depuis pendant
	s se m me ne n mon ma mes ton ta tes notre votre leur ce cet cette ces tout toute tous pas plus oui non merci svp stp
	i you he she it we they and or but so because who that when if with for from is was am are has have had my your his her our their this these not yes no please thanks`)

// connectors may be within a name or an address, and end none: "de la", "sur", "of".
var connectors = set("de du des d la le les l en sur sous lez les aux au a of the on upon under and et st ste saint sainte")

// run masks from a token on: at most max words up to the end of a sentence or a stop. Connectors are within it, and never its end.
func (r *reading) run(from, max int, kind Kind) {
	last, first := -1, -1
	for i, words := from, 0; i < len(r.tokens) && words < max; i++ {
		t := &r.tokens[i]
		if !t.word {
			if strings.ContainsAny(t.text, ".!?;,()…") && t.chunkEnds(r, i) && !(kind == Address && t.text == ",") {
				break
			}
			continue
		}
		if t.kind == Shown && t.stops() {
			break
		}
		words++
		if t.kind == Shown && connectors[t.fold] {
			continue
		}
		if first < 0 {
			first = i
		}
		last = i
	}
	if first < 0 {
		return
	}
	for i := first; i <= last; i++ {
		if t := &r.tokens[i]; t.word && (t.kind == Shown || t.kind == Word) {
			t.kind = kind
		}
	}
}

// stops says that a word ends a name. A letter alone may be part of one: "bâtiment C".
func (t token) stops() bool {
	if len(t.fold) == 1 && t.fold != "i" && t.fold != "y" {
		return t.elided && !connectors[t.fold] || t.fold == "a"
	}
	return stops[t.fold]
}

// chunkEnds says that a sign is not within a chunk, as the dot of an address is.
func (t token) chunkEnds(r *reading, i int) bool {
	return i+1 >= len(r.tokens) || r.tokens[i+1].space
}

// words are the folded words from i on, signs left out, with their places.
func (r *reading) words(i, n int) (folds []string, at []int) {
	for ; i < len(r.tokens) && len(folds) < n; i++ {
		if r.tokens[i].word {
			folds, at = append(folds, r.tokens[i].fold), append(at, i)
		}
	}
	return folds, at
}

// follows says whether one of some phrases begins at i, and where what comes after it begins. Signs count as nothing.
func (r *reading) follows(i int, phrases [][]string) (after int, ok bool) {
	folds, at := r.words(i, 8)
	for _, p := range phrases {
		if len(folds) >= len(p) && slices.Equal(folds[:len(p)], p) {
			if end := at[len(p)-1] + 1; end > after {
				after, ok = end, true
			}
		}
	}
	return after, ok
}

func lines(text string) [][]string {
	return phrases(strings.TrimSpace(strings.ReplaceAll(text, "|", "\n")))
}

var units = set("an ans jour jours semaine semaines mois annee annees heure heures minute minutes min fois euro euros photo photos video videos message messages year years yo day days week weeks month months hour hours time times pound pounds dollar dollars h am pm personnes people filles garcons girls boys eleves")

// counts leaves a small number of something: an age, days, photographs. Several in one message stay masked: they could be a number.
func (r *reading) counts() {
	var small []int
	for i, t := range r.tokens {
		if !t.digits {
			continue
		}
		number, rest := leadingDigits(t.fold)
		next := ""
		if folds, at := r.words(i+1, 1); len(folds) > 0 && at[0] == i+1 {
			next = folds[0]
		}
		before := ""
		if i > 0 {
			before = r.tokens[i-1].fold
		}
		aged := rest == "" && len(number) == 2 && number < "20" && isAged[before]
		if number != "" && len(number) <= 2 && number[0] != '0' && (rest == "" && units[next] || rest != "" && units[rest] || aged) && !r.beside(i) {
			small = append(small, i)
		}
	}
	if len(small) <= 2 {
		for _, i := range small {
			r.tokens[i].kind = Shown
		}
	}
}

var isAged = set("im am is was are hes shes")

func leadingDigits(s string) (digits, rest string) {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return s[:n], s[n:]
}

// beside says that another number stands within two words.
func (r *reading) beside(i int) bool {
	near := 0
	for _, step := range []int{-1, 1} {
		words := 0
		for k := i + step; k >= 0 && k < len(r.tokens) && words < 3; k += step {
			if t := r.tokens[k]; t.word {
				words++
				if t.digits || numberWords[t.fold] == sure {
					near++
				}
			}
		}
	}
	return near > 0
}

var joiners = set("et puis apres ensuite then and point tiret virgule euh heu dash fois")

// numbers masks numbers in words that follow one another, and the single letters between them; and one that is all of a message.
func (r *reading) numbers() {
	isNumber := func(t token) bool { return t.digits || numberWords[t.fold] != 0 }
	total := 0
	for _, t := range r.tokens {
		if t.word {
			total++
		}
	}
	for i := 0; i < len(r.tokens); i++ {
		if !r.tokens[i].word || !isNumber(r.tokens[i]) {
			continue
		}
		first, last, certain, gap := i, i, 0, 0
		for j := i; j < len(r.tokens) && gap <= 2; j++ {
			t := r.tokens[j]
			switch {
			case !t.word:
			case isNumber(t):
				last, gap = j, 0
				if t.digits || numberWords[t.fold] == sure {
					certain++
				}
			case joiners[t.fold] || len(t.fold) == 1:
				gap++
			default:
				gap = 3
			}
		}
		if certain >= 2 || certain == 1 && total <= 3 && !r.tokens[first].digits {
			for k := first; k <= last; k++ {
				if t := &r.tokens[k]; t.word && (t.kind == Shown || t.kind == Word) {
					t.kind = Number
				}
			}
		}
		i = last
	}
}

// dates masks a month with a number or an ordinal near it, and what follows "born".
func (r *reading) dates() {
	for i := range r.tokens {
		t := &r.tokens[i]
		if months[t.fold] {
			for _, step := range []int{-1, 1} {
				words := 0
				for k := i + step; k >= 0 && k < len(r.tokens) && words < 3; k += step {
					o := &r.tokens[k]
					if !o.word {
						continue
					}
					words++
					if o.digits || numberWords[o.fold] == sure || ordinals[o.fold] {
						o.kind, t.kind = Date, Date
					}
				}
			}
		}
	}
	for i := range r.tokens {
		if after, ok := r.follows(i, born); ok {
			r.run(after, 6, Date)
		}
	}
}

var born = lines("ne le|nee le|ne un|nee un|ne en|nee en|naissance le|naissance c est le|anniversaire c est le|anniversaire est le|anniv c est le|birthday is|birthday is on|born on|born in|date of birth is|dob")

// spelled masks letters that stand alone next to one another, and "l comme lucie".
func (r *reading) spelled() {
	letter := func(t token) bool {
		return len(t.fold) == 1 && !t.elided && !t.digits
	}
	for i := 0; i < len(r.tokens); i++ {
		if !letter(r.tokens[i]) {
			continue
		}
		last, n := i, 1
		for j := i + 1; j < len(r.tokens); j++ {
			t := r.tokens[j]
			if !t.word {
				continue
			}
			if !letter(t) && !(len(t.fold) == 2 && t.fold[0] == t.fold[1]) {
				break
			}
			last = j
			n++
		}
		if n > 2 || n == 2 && !(r.tokens[i].fold == "y" && r.tokens[last].fold == "a") {
			for k := i; k <= last; k++ {
				if r.tokens[k].word {
					r.tokens[k].kind = Name
				}
			}
		}
		if folds, at := r.words(i+1, 3); len(folds) >= 2 && (folds[0] == "comme" || folds[0] == "like" || folds[0] == "for" || folds[0] == "as") {
			word := at[1]
			if folds[1] == "in" && len(folds) == 3 {
				word = at[2]
			}
			if strings.HasPrefix(r.tokens[word].fold, r.tokens[i].fold) {
				r.tokens[i].kind, r.tokens[word].kind = Name, Name
			}
		}
		i = last
	}
}

func (r *reading) longPlaces() {
	for i := range r.tokens {
		if !r.tokens[i].word {
			continue
		}
		if after, ok := r.follows(i, placesLong); ok {
			for k := i; k < after; k++ {
				if r.tokens[k].word {
					r.tokens[k].kind = Place
				}
			}
		}
	}
}

var saintly = set("saint sainte st ste saints notre")

// saints masks what is called after one: towns, schools, churches, hospitals.
func (r *reading) saints() {
	for i := range r.tokens {
		folds, at := r.words(i, 3)
		if len(folds) < 2 || !saintly[folds[0]] || at[0] != i || folds[0] == "notre" && folds[1] != "dame" {
			continue
		}
		r.tokens[i].kind = Place
		r.tokens[at[1]].kind = Place
		for k := at[1] + 1; k+2 < len(r.tokens) && !r.tokens[k].word && strings.ContainsAny(r.tokens[k].text, "-–") && r.tokens[k+1].word; k += 2 {
			r.tokens[k+1].kind = Place
		}
		r.run(at[1]+1, 5, Place)
	}
}

// links masks chunks that look like an address on the net, an e-mail address or a handle.
func (r *reading) links() {
	for i := 0; i < len(r.tokens); {
		j := i
		kind := Shown
		for ; j < len(r.tokens) && r.tokens[j].chunk == r.tokens[i].chunk; j++ {
			t := r.tokens[j]
			inside := j > i && j+1 < len(r.tokens) && r.tokens[j-1].word && r.tokens[j+1].word && !r.tokens[j+1].space
			switch {
			case t.word && t.fold == "www":
				kind = Link
			case t.text == "/" && j+1 < len(r.tokens) && r.tokens[j+1].text == "/" && !r.tokens[j+1].space:
				kind = Link
			case strings.ContainsAny(t.text, "@#_|\\^") && !t.word:
				kind = Handle
			case t.text == "." && inside && kind == Shown:
				kind = Link
			case t.text == "." && j+1 < len(r.tokens) && tlds[r.tokens[j+1].fold]: // "gmail . com"
				r.tokens[j+1].kind = Link
			}
		}
		if kind != Shown {
			for k := i; k < j; k++ {
				if t := &r.tokens[k]; t.word && !(t.elided && k == i) && t.kind != Number {
					t.kind = kind
				} else if !t.word && !strings.Contains(".,;:!?…()«»\"", t.text) {
					t.drop = true
				}
			}
			// "@ leo du 13": what a sign introduces, after a space.
			if j < len(r.tokens) && strings.ContainsAny(r.tokens[j-1].text, "@#") {
				r.run(j, 4, kind)
			}
			if i > 0 && strings.HasPrefix(r.tokens[i].text, "@") {
				r.back(i, 3, kind)
			}
		}
		i = j
	}
}

// back masks at most max words before a token, up to a stop.
func (r *reading) back(before, max int, kind Kind) {
	words := 0
	for k := before - 1; k >= 0 && words < max; k-- {
		t := &r.tokens[k]
		if !t.word {
			if strings.ContainsAny(t.text, "!?;:,…") {
				return
			}
			continue
		}
		if stops[t.fold] {
			return
		}
		words++
		if t.kind == Shown || t.kind == Word {
			t.kind = kind
		}
	}
}

var tlds = set("com fr net org be ch ca uk co io gg me eu tv app us de info re ly")

// mails masks addresses that are spoken: "leo point martin arobase gmail point com", "x at y dot com".
func (r *reading) mails() {
	for i := range r.tokens {
		t := &r.tokens[i]
		switch t.fold {
		case "arobase", "arobas", "arrobase", "arobaz", "arobace":
			r.back(i, 6, Handle)
			t.kind = Handle
			r.run(i+1, 6, Handle)
		case "point", "dot", "pt":
			folds, at := r.words(i+1, 1)
			if len(folds) == 0 || !tlds[folds[0]] {
				continue
			}
			t.kind, r.tokens[at[0]].kind = Handle, Handle
			from := i
			for k, words := i-1, 0; k >= 0 && words < 8; k-- {
				if r.tokens[k].word {
					words++
					if f := r.tokens[k].fold; f == "at" || f == "chez" || f == "a" {
						from = k
					}
				}
			}
			for k := from; k < i; k++ {
				if r.tokens[k].word {
					r.tokens[k].kind = Handle
				}
			}
			r.back(from, 6, Handle)
		}
	}
}

var (
	names = lines(`m appelle|mapelle|mappelle|m appel|m apelle|t appelles|s appelle|s appellent|sappelle|s appelait|s apelle|appelle moi|appelez moi|surnomme|surnommee|surnom c est|mon nom c est|mon nom est|nom de famille c est|nom de famille est|nom de famille|nom est|nom c est|
		prenom c est|prenom est|prenoms|prenom|moi c est|moi c|lui c est|elle c est|son nom|ton nom|nomme|nommee|un certain|une certaine|monsieur|madame|mademoiselle|mme|mlle|mr|m le professeur|
		my name is|my name s|my names|name is|name s|names|name was|i am called|im called|i m called|called|named|nicknamed|call me|calls me|known as|surname is|surname|last name is|last name|first name is|first name|i go by|goes by|mr|mrs|miss|ms|it s me|someone called|a boy called`)
	who = lines(`je suis|c est|i m|im|i am|it s|its|this is`)
	kin = set(`copain copine copains copines ami amie amis amies pote potes meuf mec ex frere soeur cousin cousine oncle tante tonton tata prof professeur directeur directrice voisin voisine beau-pere entraineur coach eleve
		friend friends mate mates bf gf boyfriend girlfriend brother sister cousin uncle aunt auntie teacher sir neighbour neighbor bestie bff crush coach`)
	secrets = lines(`mot de passe c est|mot de passe est|mot de passe|mdp c est|mdp|code c est|code est|code wifi|password is|password s|passcode is|password|code is|code s`)
)

var titles = set("m mr mrs ms dr pr me mme st")

// introduced masks what comes after "my name is", after "my friend", after "the password is".
func (r *reading) introduced() {
	for i := range r.tokens {
		t := r.tokens[i]
		if !t.word {
			continue
		}
		if after, ok := r.follows(i, names); ok {
			r.run(skipIs(r, after), 3, Name)
		}
		if titles[t.fold] && !t.elided && i+2 < len(r.tokens) && r.tokens[i+1].text == "." && r.tokens[i+2].word && (r.tokens[i+2].capital || r.tokens[i+2].kind != Shown) {
			r.run(i+2, 3, Name)
		}
		if after, ok := r.follows(i, secrets); ok {
			r.run(skipIs(r, after), 4, Secret)
		}
		// "je suis rose", "c'est fleur": only what a list or a capital says to be a name, which other rules do.
		if after, ok := r.follows(i, who); ok && !r.shouts {
			if folds, at := r.words(after, 1); len(folds) > 0 && r.tokens[at[0]].capital && r.tokens[at[0]].kind == Shown {
				r.run(at[0], 3, Name)
			}
		}
		if kin[t.fold] {
			if folds, at := r.words(i+1, 1); len(folds) > 0 && at[0] == i+1 && r.tokens[at[0]].kind == Shown && ordinary[folds[0]] == naming && !mood[folds[0]] {
				r.tokens[at[0]].kind = Name
			}
		}
	}
}

// mood are words that stand after "my friend" and are none's name.
var mood = func() map[string]bool {
	return set(`triste malade enceinte seul seule prete inquiet inquiete morte mort proche proches intime imaginaire fille garcon blesse blessee harcele harcelee victime jaloux jalouse bizarre mechant mechante
		gentil gentille virtuel virtuelle virtuels principal principale petit petite grand grande petits grands aussi sad sick ill alone group groups mad angry jealous nice mean scared pregnant request requests list`)
}()

func skipIs(r *reading, i int) int {
	for {
		folds, at := r.words(i, 2)
		if len(folds) == 0 {
			return i
		}
		switch {
		case folds[0] == "c" && len(folds) > 1 && folds[1] == "est":
			i = at[1] + 1
		case folds[0] == "est" || folds[0] == "is" || folds[0] == "cest" || folds[0] == "c" || folds[0] == "its" || folds[0] == "it's" || folds[0] == "donc" || folds[0] == "s":
			i = at[0] + 1
		default:
			return i
		}
	}
}

var (
	networks = set(`insta instagram ig snap snapchat sc tiktok tik whatsapp wsp facebook fb messenger discord disc dc telegram tg youtube yt twitter x twitch roblox fortnite minecraft signal omegle psn xbox steam onlyfans mym gmail hotmail outlook yahoo orange free skype wizz yubo`)
	accounts = set(`pseudo pseudos compte comptes identifiant id handle username user account accounts gamertag profil profile usr arobase`)
)

// platforms masks what comes after a network's name or "my handle": an account.
func (r *reading) platforms() {
	for i := range r.tokens {
		t := r.tokens[i]
		if !t.word || !networks[t.fold] && !accounts[t.fold] {
			if t.word {
				r.added(i)
			}
			continue
		}
		from := i + 1
		after := skipIs(r, from)
		colon := from < len(r.tokens) && strings.ContainsAny(r.tokens[from].text, ":=@-(\"«")
		folds, at := r.words(after, 1)
		if len(folds) == 0 {
			continue
		}
		switch {
		case !colon && common[folds[0]]:
		case after > from || colon:
			r.account(at[0])
		case r.tokens[at[0]].kind != Shown:
			r.run(at[0], 4, Handle)
		case !stops[folds[0]] && !connectors[folds[0]] && ordinary[folds[0]] == naming && at[0] == from && !mood[folds[0]] && !networks[folds[0]] && !accounts[folds[0]] && !common[folds[0]]:
			r.run(at[0], 4, Handle)
		}
	}
}

// common are the words that stand after a network and are no account.
var common = set(`account accounts message messages story stories group groupe groupes groups page pages photo photos video videos live lives post posts compte comptes prive privee prives private public fake faux vrai profil profile chat chats app appli server serveur dm dms hier today call calls anonyme anonymous streak live vocal code codes screenshot screenshots capture captures pirate pirates bloque bloques hacked blocked gone supprime ferme vole`)

// account masks an account that was announced: up to four words, stops as well, since a handle may be made of any words.
func (r *reading) account(from int) {
	words := 0
	for i := from; i < len(r.tokens) && words < 4; i++ {
		t := &r.tokens[i]
		if !t.word {
			if strings.ContainsAny(t.text, ",!?;…") {
				return
			}
			continue
		}
		words++
		if t.kind == Shown || t.kind == Word {
			t.kind = Handle
		}
	}
}

var adds = lines("ajoute moi|ajoutez moi|ajoute le|ajoute la|ajoute|add me|add him|add her|cherche moi|find me|look me up|suis moi sur|follow me|tape|search for|search|cherche")

func (r *reading) added(i int) {
	if after, ok := r.follows(i, adds); ok {
		if folds, at := r.words(after, 4); len(folds) > 1 {
			for n, f := range folds {
				if (f == "sur" || f == "on" || f == "dans") && n > 0 && n+1 < len(folds) && networks[folds[n+1]] {
					r.account(at[0])
				}
			}
		}
	}
}

var (
	home  = lines(`habite|j habite|habites|habitons|habitent|habitait|vis a|vit a|vivons a|vivre a|live in|live at|live near|live on|lives in|lives at|lives on|living in|lived in|i m from|im from|i am from|come from|comes from|moved to|from|demenage a|demenager a|originaire|pres de|a cote de|near|close to|next to|ville c est|ville de|village de|town of|city of|quartier|banlieue de|departement|born in|a la cite|cite|residence|lotissement|hameau|arret|station|gare de|gare du|metro|in front of the|region`)
	going = lines(`viens de|vient de|venons de|je suis de|on est de|je suis a|on est a|il est a|elle est a|rdv a|rendez vous a|en vacances a|parti a|partie a|vais a|va a`)
	skips = set("a au aux en dans la le les l d de du des pres cote sur vers rue in at near the on c est to a out by un une petit petite little village ville town city called s appelle")
)

// lives masks where somebody says that she lives or comes from.
func (r *reading) lives() {
	for i := range r.tokens {
		if !r.tokens[i].word {
			continue
		}
		after, ok := r.follows(i, home)
		max := 5
		if !ok {
			if after, ok = r.follows(i, going); !ok {
				continue
			}
			max = 3
			if folds, _ := r.words(after, 1); len(folds) > 0 && ordinary[folds[0]] == plain && !connectors[folds[0]] {
				continue // "je viens de voir"
			}
			if folds, _ := r.words(after, 2); len(folds) == 2 && connectors[folds[0]] && known2[folds[1]] || len(folds) > 0 && known2[folds[0]] {
				continue
			}
		}
		from := -1 // "little brook": the adjective is of the name
		for {
			folds, at := r.words(after, 2)
			if len(folds) == 0 || !skips[folds[0]] || r.tokens[at[0]].kind != Shown {
				break
			}
			if len(folds) > 1 && known2[folds[1]] {
				break
			}
			if from < 0 && sizes[folds[0]] {
				from = at[0]
			}
			after = at[0] + 1
		}
		if folds, _ := r.words(after, 1); len(folds) > 0 && (known2[folds[0]] || ordinary[folds[0]] == plain && !connectors[folds[0]] && !skips[folds[0]]) {
			continue
		}
		if from >= 0 {
			after = from
		}
		r.run(after, max, Place)
	}
}

var sizes = set("petit petite little")

// known2 are the places that everybody has.
var known2 = set(`maison maisons ecole college lycee hopital cantine police gendarmerie moi chez seul seule toilettes toilette chambre classe cours internat rue campagne ville village centre home school work class house hospital room
	bed bathroom police internet there here everyone people someone peur bout fond cote loin tout mort vie plus ce cette son sa mon ma my his her their a an us them me it meeting night day week today yesterday
	compte telephone groupe jeu jour soir matin nuit semaine personne ami amie copine copain parent parents pere mere frere soeur porte lit appartement immeuble jardin salon cuisine point risque danger train`)

var (
	roads = set(`rue avenue av boulevard bd bld blvd allee allees impasse chemin place quai square route passage ruelle cours faubourg lotissement residence cite batiment bat hameau zac quartier promenade esplanade rond-point villa tour
		street st road rd avenue ave lane drive close crescent terrace grove flat apartment apt court way gardens mews place square house`)
	english = set(`street road rd avenue ave lane drive close crescent terrace grove court way gardens mews place square`)
)

// streets masks addresses, with a number or without one.
func (r *reading) streets() {
	for i := range r.tokens {
		t := &r.tokens[i]
		if !roads[t.fold] {
			continue
		}
		_, numbered := r.number(i)
		folds, at := r.words(i+1, 3)
		next := ""
		if len(folds) > 0 && at[0] == i+1 {
			next = folds[0]
		}
		switch {
		case numbered:
			r.backNumber(i)
			t.kind = Address
			r.run(i+1, 6, Address)
		case next != "" && (r.tokens[i+1].kind != Shown || r.tokens[i+1].capital && !r.shouts):
			t.kind = Address
			r.run(i+1, 6, Address)
		case connectors[next] && next != "a" && next != "et" && next != "and" && next != "en" && next != "on" && next != "au" && len(folds) > 1 && !known2[folds[1]] && !(ordinary[folds[1]] == plain && !connectors[folds[1]]) && frenchRoad[t.fold]:
			t.kind = Address
			r.run(i+1, 6, Address)
		case frenchRoad[t.fold] && ordinary[next] == naming && !known2[next] && strings.HasPrefix(t.fold, "rue"):
			t.kind = Address
			r.run(i+1, 4, Address)
		}
		if english[t.fold] && i > 0 && r.tokens[i-1].word {
			// "rose tree lane": what stands before, up to a preposition.
			before := r.tokens[i-1]
			if !articles[before.fold] && !stops[before.fold] && !loose[before.fold] && numberWords[before.fold] == 0 {
				if before.kind != Shown || before.capital || nameable(before.fold) {
					t.kind = Address
					r.backOver(i, 3, Address)
					r.backNumber(i)
				}
			}
		}
	}
}

var (
	frenchRoad = set("rue avenue av boulevard bd allee allees impasse chemin quai square place route passage lotissement residence cite batiment bat hameau quartier")
	articles   = set("the a an this that my your his her our their in on at to from of by no any each every same other another which what some le la les un une")
	loose      = set("right long only best easy hard good bad old new main high other wrong either no any first last fast one big small safe up very too so really half all same different the dark empty busy quiet in out next little whole")
)

// nameable says that a word may be part of a name.
func nameable(w string) bool { return ordinary[w] == naming || surnames[w] }

// number says whether a house's number stands just before.
func (r *reading) number(i int) (at int, ok bool) {
	for k, words := i-1, 0; k >= 0 && words < 3; k-- {
		t := r.tokens[k]
		if !t.word {
			continue
		}
		words++
		if t.digits && t.kind != Shown || numberWords[t.fold] == sure {
			return k, true
		}
		if t.fold != "bis" && t.fold != "ter" && len(t.fold) > 1 && !english[r.tokens[i].fold] {
			return 0, false
		}
	}
	return 0, false
}

func (r *reading) backNumber(i int) {
	if at, ok := r.number(i); ok {
		for k := at; k < i; k++ {
			if t := &r.tokens[k]; t.word {
				t.kind = Address
			}
		}
	}
}

// backOver is back, which articles end, too.
func (r *reading) backOver(before, max int, kind Kind) {
	words := 0
	for k := before - 1; k >= 0 && words < max && r.tokens[k].word; k-- {
		t := &r.tokens[k]
		if articles[t.fold] || stops[t.fold] || t.kind == Shown && !nameable(t.fold) {
			return
		}
		words++
		if t.kind == Shown || t.kind == Word {
			t.kind = kind
		}
	}
}

var (
	schools = set(`college colleges lycee ecole fac universite internat cfa mfr bahut iut institut institution foyer ime itep maternelle primaire elementaire crs club hopital clinique eglise mosquee synagogue temple stade gymnase piscine parc centre association mairie maison cinema mediatheque bibliotheque conservatoire academie
		school college academy university uni primary secondary grammar sixth hospital church mosque club gym park centre center library`)
	britishSchools = set("school college academy university primary grammar high hospital church mosque club park centre center library")
	schoolKinds    = set(`prive privee prives public publique primaire maternelle elementaire entier et ou qui que est a m j on il elle dit sait pense fait me ne general generale technique pro professionnel
		again today tomorrow now and but because so is was has knows said friends friend teacher work bus trip uniform group chat class hours rules day days year years time project nurse counsellor counselor toilets website email account play gate gates commercial commerciale ville`)
	classes = set("sixieme cinquieme quatrieme troisieme seconde premiere terminale cp ce cm classe class form year grade group groupe")
)

// schools masks the name of a school, a club, a hospital, and of a class.
func (r *reading) schools() {
	for i := range r.tokens {
		t := &r.tokens[i]
		if !t.word {
			continue
		}
		if classes[t.fold] {
			if _, at := r.words(i+1, 2); len(at) > 0 && at[0] <= i+2 {
				n := r.tokens[at[0]]
				if n.kind == Number || len(n.fold) == 1 && !n.elided && n.fold != "a" && n.fold != "y" && n.fold != "c" || n.fold == "a" && (n.capital && !r.shouts || len(at) == 1 || r.tokens[at[1]].line) || numberWords[n.fold] == sure {
					t.kind, r.tokens[at[0]].kind = School, School
					if len(at) > 1 && len(r.tokens[at[1]].fold) == 1 && !r.tokens[at[1]].elided {
						r.tokens[at[1]].kind = School
					}
				}
			}
		}
		if t.digits && t.kind == Number {
			// "4e B", "year 9 c": the letter of a class.
			if _, at := r.words(i+1, 1); len(at) > 0 && at[0] == i+1 && len(r.tokens[at[0]].fold) == 1 && !r.tokens[at[0]].elided && (r.tokens[at[0]].fold != "a" && r.tokens[at[0]].fold != "y" || r.tokens[at[0]].capital) {
				r.tokens[at[0]].kind = School
			}
		}
		if schools[t.fold] {
			folds, at := r.words(i+1, 3)
			k := 0
			for k < len(folds) && connectors[folds[k]] && r.tokens[at[k]].kind == Shown && k < 2 && folds[k] != "a" && folds[k] != "et" && folds[k] != "and" && folds[k] != "on" && folds[k] != "en" && folds[k] != "au" && folds[k] != "sur" {
				k++
			}
			if k < len(folds) && at[0] == i+1 || k < len(folds) && k == 0 && at[0] == i+2 && strings.ContainsAny(r.tokens[i+1].text, "\"«'-:") {
				n, f := r.tokens[at[k]], folds[k]
				switch {
				case schoolKinds[f] || stops[f] || known2[f]:
				case n.kind != Shown, n.capital && !r.shouts, nameable(f):
					r.run(at[0], 5, School)
				}
			}
		}
		if britishSchools[t.fold] && i > 0 && r.tokens[i-1].word {
			before := r.tokens[i-1]
			if !articles[before.fold] && !stops[before.fold] && !loose[before.fold] && !sorts[before.fold] &&
				(before.kind != Shown || before.capital && !r.shouts && i > 1 || nameable(before.fold)) {
				r.backOver(i, 3, School)
			} else if sorts[before.fold] && i > 1 && r.tokens[i-2].word {
				if b := r.tokens[i-2]; !articles[b.fold] && !stops[b.fold] && !loose[b.fold] && (b.kind != Shown || b.capital && !r.shouts || nameable(b.fold)) {
					r.backOver(i-1, 3, School)
				}
			}
		}
	}
}

var sorts = set("high primary secondary middle grammar boarding private public state old new nursery elementary sports football youth swimming local shopping")

// surnames are the ordinary words that are surnames as well: after a first name they are masked.
var surnames = set(`petit petite blanc blanche noir roux brun brune leblanc legrand grand grande gros fort beau bon bonne roi boulanger berger marchand charpentier mercier boucher meunier fontaine fleury riviere dubois bois roche pont
	moulin clair renard loup chevalier prince chat poisson jardin gentil sage rouge vert jeune vieux long court doux joli fleur soleil neige vent mer ciel pierre rose printemps dimanche
	brown white green black young king cook long short rich wood woods hill page field church day love stone moon price bush bird fox wolf small hall bell knight best power west north south east bright fair gray grey little wise head
	hand foot book bridge banks case child parent good moody sharp strong swift winter walker baker parker read dean marsh street lane rain snow love man goodman`)

// named masks a surname after a first name, and what is joined to it: "marie claire", "lucas petit".
func (r *reading) named() {
	for i := range r.tokens {
		if r.tokens[i].kind != Name {
			continue
		}
		folds, at := r.words(i+1, 3)
		for n, f := range folds {
			t := &r.tokens[at[n]]
			if at[n] != i+1+n || t.kind != Shown {
				break
			}
			if (f == "de" || f == "du" || f == "le" || f == "la" || f == "van" || f == "d" || f == "l") && n+1 < len(folds) && (r.tokens[at[n+1]].capital || r.tokens[at[n+1]].kind != Shown || surnames[folds[n+1]]) {
				continue
			}
			if !surnames[f] && (!t.capital || r.shouts) {
				break
			}
			for k := i + 1; k <= at[n]; k++ {
				r.tokens[k].kind = Name
			}
		}
	}
}

// capitals masks an ordinary word that is written with a capital within a sentence: somebody's name, or a place's.
func (r *reading) capitals() {
	if r.shouts {
		return
	}
	for i := range r.tokens {
		t := &r.tokens[i]
		if !t.word || !t.capital || t.kind != Shown || t.elided || r.begins(i) || usual[t.fold] {
			continue
		}
		t.kind = Word
		// A capital at the beginning that goes on: "Belle Rive", "Rose Blanche".
		for k := i - 1; k >= 0 && r.tokens[k].word && r.tokens[k].capital && r.tokens[k].kind == Shown && !stops[r.tokens[k].fold] && !connectors[r.tokens[k].fold]; k-- {
			r.tokens[k].kind = Word
		}
	}
}

// usual are words that are written with a capital and tell nothing.
var usual = set(`i im id ive ill snapchat snap instagram insta tiktok whatsapp facebook discord telegram youtube twitter twitch roblox fortnite minecraft google apple messenger signal internet
	monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december english french france francais anglais mum mom dad ok sms url vigie
	je tu il elle on nous vous ils elles merci bonjour c j t m d l s n qu`)

// begins says whether a token begins a sentence.
func (r *reading) begins(i int) bool {
	if r.tokens[i].line {
		return true
	}
	for k := i - 1; k >= 0; k-- {
		t := r.tokens[k]
		if !t.word {
			if strings.ContainsAny(t.text, ".!?…:\"«(-–") || strings.Contains(plainPictures, t.text) {
				return true
			}
			return false
		}
		if !t.elided {
			return false
		}
	}
	return true
}

var (
	subjects = set("i you he she it we they who that this what there people everyone everybody someone anyone parents mum mom dad nobody something police and which how when where not never")
	towards  = set("a de vers sur in from near to at et around")
)

// modals masks "will" and "may", "nice" and "sens" where they are no verb and no praise, but a name and a town.
func (r *reading) modals() {
	for i := range r.tokens {
		t := &r.tokens[i]
		if t.kind != Shown && t.kind != Place && t.kind != Name {
			continue
		}
		before := ""
		for k := i - 1; k >= 0; k-- {
			if r.tokens[k].word {
				before = r.tokens[k].fold
				break
			}
		}
		switch t.fold {
		case "will", "may", "mark", "hope", "bill":
			t.kind = Name
			if subjects[before] && !(t.capital && !r.shouts && !r.begins(i)) {
				t.kind = Shown
			}
		case "nice", "vienne", "sens", "salon":
			t.kind = Shown
			if towards[before] || t.capital && !r.shouts && !r.begins(i) {
				t.kind = Place
			}
		}
	}
}
