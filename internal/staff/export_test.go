package staff

// MatchStep is for the vectors of the standard.
var MatchStep = matchStep

// CheckPassword is for the fuzzer.
var CheckPassword = checkPassword

// TokenHash is for the fuzzer.
var TokenHash = hashToken
