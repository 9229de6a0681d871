package game

// Error is a rule that a setup or a move breaks. The variables below are all there are: compare them with errors.Is.
type Error struct {
	Code    string // stable, for programs
	Message string // for people
}

// Error returns the code and the message.
func (e *Error) Error() string { return "game: " + e.Code + ": " + e.Message }

// What the rules refuse. A refused move changes nothing.
var (
	ErrSize         = &Error{"bad_size", "five to ten can play"}
	ErrOptionalRole = &Error{"bad_role", "only Percival, Morgana, Mordred and Oberon can be added, each once"}
	ErrTooManyEvil  = &Error{"too_many_evil", "there are more evil roles than this number of players has evil seats"}

	ErrWrongPhase    = &Error{"wrong_phase", "this is not the time for that"}
	ErrUnknownSeat   = &Error{"unknown_seat", "there is no such seat"}
	ErrNotLeader     = &Error{"not_leader", "only the leader names a team"}
	ErrTeamSize      = &Error{"bad_team_size", "the team has another size"}
	ErrRepeatedSeat  = &Error{"repeated_seat", "a player can be on the team once"}
	ErrVoted         = &Error{"already_voted", "you have voted"}
	ErrNotOnTeam     = &Error{"not_on_team", "only the team goes on the quest"}
	ErrPlayed        = &Error{"already_played", "you have played your card"}
	ErrGoodCannot    = &Error{"good_cannot_fail", "the good can only play success"}
	ErrNotAssassin   = &Error{"not_assassin", "only the Assassin strikes"}
	ErrGuessYourself = &Error{"guess_yourself", "you are not Merlin"}
)
