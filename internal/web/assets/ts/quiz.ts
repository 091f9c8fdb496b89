// The quiz, besides what every public page loads.
import "./quiz-walk";
