package chat

import "encoding/json"

// ReadAsked reads the body of an Ask message. The body is ours; one that cannot be read asks for nothing.
func ReadAsked(body string) Asked {
	var a Asked
	if json.Unmarshal([]byte(body), &a) != nil {
		return Asked{}
	}
	return a
}

// ReadCame reads the body of an Attachment message, as ReadAsked does.
func ReadCame(body string) Came {
	var c Came
	if json.Unmarshal([]byte(body), &c) != nil {
		return Came{}
	}
	return c
}
