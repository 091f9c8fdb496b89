// One line from this browser to a node of ours: an RTCPeerConnection that heals by itself. It knows nothing of
// calls. Four voices can come in, each on a track of its own, and one goes out; what is never negotiated again
// is who speaks on which.

import { backoff, post } from "./element";
import { uuid } from "./uuid";

/** What a line tells its softphone. "gone" is final: a new line must be made. */
export type LineState = "opening" | "open" | "healing" | "gone";

interface Ears {
  state(state: LineState): void;
  voice(track: MediaStreamTrack, at: number): void;
}

interface Answer {
  sdp: string;
  iceServers?: RTCIceServer[];
}

const voices = 4;
/** A break that ICE mends in this time is left to it. */
const patience = 1500;
/** After so many failed attempts in a row the line is given up. */
const most = 4;

let known: { at: number; servers: RTCIceServer[] } | undefined;

/** STUN and TURN servers, with credentials that end: asked again after an hour. */
async function iceServers(): Promise<RTCIceServer[]> {
  if (known && Date.now() - known.at < 3_600_000) return known.servers;
  const response = await fetch("/desk/phone/ice", { headers: { "Vigie-Script": "1" }, credentials: "same-origin" });
  const servers = response.ok ? ((await response.json()) as RTCIceServer[]) : [];
  known = { at: Date.now(), servers };
  return servers;
}

export class PhoneLine {
  /** The id by which the server knows this line. */
  readonly peer = uuid();
  state: LineState = "opening";
  private pc: RTCPeerConnection | undefined;
  private speaker: RTCRtpTransceiver | undefined;
  private track: MediaStreamTrack | null = null;
  private beginning = false;
  private offered = false;
  private offering = false;
  private found: RTCIceCandidate[] = [];
  private sending = 0;
  private mending = 0;
  private failures = 0;
  private opus = false;
  private waiters: (() => void)[] = [];

  constructor(readonly node: string, private readonly ears: Ears) {}

  /** Opens the line; the promise settles when it is open or gone. */
  async open(): Promise<boolean> {
    if (!this.pc) void this.begin();
    await this.settled();
    return this.state === "open";
  }

  /** Waits until the line is open or gone. */
  private settled(): Promise<void> {
    if (this.state === "open" || this.state === "gone") return Promise.resolve();
    return new Promise((done) => this.waiters.push(done));
  }

  private async begin(): Promise<void> {
    if (this.beginning) return; // a call that rings is told more than once
    this.beginning = true;
    try {
      const pc = new RTCPeerConnection({ iceServers: await iceServers(), bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" });
      if (this.gone) {
        pc.close();
        return;
      }
      this.pc = pc;
      this.speaker = pc.addTransceiver("audio", { direction: "sendrecv" });
      for (let i = 1; i < voices; i += 1) pc.addTransceiver("audio", { direction: "recvonly" });
      pc.ontrack = (event) => this.ears.voice(event.track, pc.getTransceivers().indexOf(event.transceiver));
      pc.onicecandidate = ({ candidate }) => {
        if (!candidate?.candidate) return;
        this.found.push(candidate);
        if (this.offered) this.sendCandidates();
      };
      pc.oniceconnectionstatechange = () => this.look();
      pc.onconnectionstatechange = () => this.look();
      await this.speaker.sender.replaceTrack(this.track);
      await this.offer();
    } catch {
      this.failed();
    } finally {
      this.beginning = false;
    }
  }

  /** What goes out; null is nothing at all, not silence. */
  async speak(track: MediaStreamTrack | null): Promise<void> {
    this.track = track;
    await this.speaker?.sender.replaceTrack(track).catch(() => undefined);
  }

  /** Speaks Opus from now on, or G.711: as the caller does, whose telephone then gets her words as they are. */
  async speaks(opus: boolean): Promise<void> {
    if (opus === this.opus || this.offering || this.state !== "open") return;
    this.opus = opus;
    // What is not agreed on now is asked for again; until then the server makes of one what the other needs.
    await this.offer().catch(() => (this.opus = !opus));
  }

  /** Looks for another way to the server; speech goes on by the old one for as long as it carries. */
  async mend(): Promise<void> {
    if (this.gone || this.offering || !this.pc) return;
    clearTimeout(this.mending);
    this.mending = 0;
    if (!this.connected) this.tell("healing");
    try {
      this.pc.restartIce();
      await this.offer();
    } catch {
      this.failed();
    }
  }

  private async offer(): Promise<void> {
    const pc = this.pc;
    if (!pc || this.offering) return;
    this.offering = true;
    try {
      await pc.setLocalDescription();
      let sdp = pc.localDescription?.sdp ?? "";
      // The server is told that this line was answered before, so that it does not begin what has begun.
      if (this.offered) sdp = sdp.replace(/^t=.*$/m, "$&\r\na=vigie-again");
      if (this.opus) sdp = sdp.replace(/^t=.*$/m, "$&\r\na=vigie-opus");
      const response = await post(`/desk/phone/peers/${this.peer}/offer`, { sdp, node: this.node });
      // Not there any more, or not ours: this line cannot be mended. Anything else passes.
      if ([400, 401, 403, 404, 409, 410, 422].includes(response.status)) {
        this.close(false);
        return;
      }
      if (!response.ok) throw new Error("again");
      const answer = (await response.json()) as Answer;
      if (answer.iceServers) known = { at: Date.now(), servers: answer.iceServers };
      if (this.gone) return;
      await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      this.offered = true;
      this.failures = 0;
      this.sendCandidates();
    } catch (error) {
      // An offer that nobody answered is taken back, so that the next one is made anew.
      if (pc.signalingState === "have-local-offer") await pc.setLocalDescription({ type: "rollback" }).catch(() => undefined);
      throw error;
    } finally {
      this.offering = false;
    }
    if (this.gone) return;
    this.watch();
    this.look(); // a browser that stays connected through a restart says nothing of it
  }

  private failed(): void {
    if (this.gone) return;
    this.failures += 1;
    if (this.failures >= most) {
      this.close(true);
      return;
    }
    this.tell(this.offered ? "healing" : "opening");
    clearTimeout(this.mending);
    this.mending = setTimeout(() => (this.pc ? void this.mend() : void this.begin()), backoff(this.failures) / 2);
  }

  /** An answer that leads to no connection in ten seconds is tried again. */
  private watch(): void {
    if (this.connected) return;
    clearTimeout(this.mending);
    this.mending = setTimeout(() => {
      this.mending = 0;
      if (!this.connected) this.failed();
    }, 10_000);
  }

  private get connected(): boolean {
    const state = this.pc?.iceConnectionState;
    return this.pc?.connectionState === "connected" && (state === "connected" || state === "completed");
  }

  private look(): void {
    const pc = this.pc;
    if (!pc || this.gone) return;
    if (this.connected) {
      clearTimeout(this.mending);
      this.mending = 0;
      this.failures = 0;
      this.tell("open");
    } else if (pc.connectionState === "failed" || pc.iceConnectionState === "failed") {
      this.tell("healing");
      if (!this.offering) this.failed();
    } else if (pc.iceConnectionState === "disconnected" && !this.mending && !this.offering) {
      this.mending = setTimeout(() => {
        this.mending = 0;
        void this.mend();
      }, patience);
    } else if (pc.connectionState === "closed") {
      this.close(false);
    }
  }

  /** Addresses are told a few at a time. */
  private sendCandidates(): void {
    if (this.sending || this.found.length === 0) return;
    this.sending = setTimeout(() => {
      this.sending = 0;
      const fields = new URLSearchParams({ node: this.node });
      for (const candidate of this.found.splice(0)) fields.append("candidate", JSON.stringify(candidate));
      // What is lost here the server finds out by the checks that this browser sends.
      void fetch(`/desk/phone/peers/${this.peer}/candidates`, { method: "POST", headers: { "Vigie-Script": "1" }, body: fields, credentials: "same-origin" }).catch(() => undefined);
    }, 60);
  }

  private get gone(): boolean {
    return this.state === "gone";
  }

  private tell(state: LineState): void {
    if (this.gone || state === this.state) return;
    this.state = state;
    if (state === "open" || state === "gone") for (const done of this.waiters.splice(0)) done();
    this.ears.state(state);
  }

  get stats(): Promise<RTCStatsReport> | undefined {
    return this.pc?.getStats();
  }

  /** Ends the line. A page that is being left says so by a beacon. */
  close(tellServer = true): void {
    if (this.gone) return;
    clearTimeout(this.mending);
    clearTimeout(this.sending);
    this.tell("gone");
    if (this.pc) {
      this.pc.onconnectionstatechange = this.pc.oniceconnectionstatechange = this.pc.onicecandidate = this.pc.ontrack = null;
      this.pc.close();
    }
    if (tellServer) navigator.sendBeacon(`/desk/phone/peers/${this.peer}/close`, new URLSearchParams({ node: this.node }));
  }
}
