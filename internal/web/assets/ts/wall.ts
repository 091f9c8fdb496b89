// The wallboard: a stream, a clock, and what keeps both alive for weeks.
import "./live-stream";
import "./wall-clock";
