package staff

import "strings"

// commonWords are what French and English speakers build guessable passwords from, folded: the words
// seen at the top of every published list, rows of the keyboard, months, seasons, first names in
// fashion, and the words of this house. A list of words catches "Bonjour2026!!" and "motdepasse-vigie",
// which a list of whole passwords would miss.
var commonWords = strings.Fields(`
password passwd pass motdepasse motdepass mdp mot passe secret code admin administrateur administrator root
user utilisateur login connexion acces access test demo changeme default temporaire temp guest invite
welcome bienvenue bonjour bonsoir salut coucou hello merci please azerty azertyuiop qwerty qwertyuiop qwertz
uiop qsdf qsdfgh qsdfghjklm asdf asdfgh asdfghjkl ghjk jklm wxcv wxcvbn zxcv zxcvbn zxcvbnm poiuy mlkj
nbvcxw azer qwer aqwzsx qazwsx qazxsw abc abcd abcde abcdef abcdefgh xyz iloveyou jetaime jtm love amour
bisous doudou loulou chouchou cheri cherie soleil lune etoile princesse princess prince dragon monkey
football soccer rugby tennis baseball superman batman pokemon naruto starwars matrix master shadow sunshine
flower cookie cheese chocolat chocolate nutella chien chat cat dog minou toutou licorne unicorn summer
winter spring autumn ete hiver printemps automne janvier fevrier mars avril mai juin juillet aout septembre
octobre novembre decembre january february march april may june july august september october november
december lundi mardi mercredi jeudi vendredi samedi dimanche monday tuesday wednesday thursday friday
saturday sunday paris marseille lyon france french london england marie maman papa mama family famille
nicolas thomas julien camille sophie julie lea emma hugo lucas louis gabriel chloe manon enzo theo michael
jordan daniel jessica ashley charlie correct horse battery staple letmein trustno trust google facebook
instagram snapchat tiktok apple samsung internet ordinateur computer windows microsoft office vigie phare
helpline ligne ecoute ecoutant enfance enfant enfants child children netecoute association conseil
conseiller equipe team travail work deux trois quatre cinq six sept huit neuf dix one two three four five
seven eight nine ten the les mon mes
`)
