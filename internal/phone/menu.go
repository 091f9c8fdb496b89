package phone

import "time"

const (
	// menuFor is how long a key is waited for after the menu was heard.
	menuFor = 5 * time.Second
	// menuAgain is how often it is heard again after a key that is none of its own.
	menuAgain = 2
)

// menu asks who calls, and returns the key that was pressed: '1', '2' or '0'; 0 for none, which is an answer too. digit
// is what she pressed in the greeting: a key of the menu counts, any other ended the greeting.
func (c *call) menu(digit byte) byte {
	if digit != '0' && digit != '1' && digit != '2' && digit != keyRefuses {
		digit = 0
	}
	for again := 0; !c.gone && !c.over; {
		if digit == 0 {
			digit = c.key(c.say("menu"), menuFor)
		}
		switch digit {
		case 0, '0', '1', '2':
			return digit
		case keyRefuses: // she chooses all the same
			digit = c.say(c.refuse())
		default:
			if again++; again > menuAgain {
				return 0
			}
			digit = c.say("not_understood")
		}
	}
	return 0
}
