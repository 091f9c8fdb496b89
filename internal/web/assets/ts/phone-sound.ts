// What a softphone hears and says here: the microphone, which is only open while it is used, the voices that
// come in, each in an <audio> of its own (Safari plays but the first track of a stream), and how loud both are.

/** Why there is no microphone. */
export type Refusal = "denied" | "none";

interface Kept {
  microphone?: string;
  speaker?: string;
  volume?: number;
  take?: boolean;
}

const key = "vigie-phone";

/** What this browser remembers: the devices, the volume, whether its desk takes calls. */
export function kept(): Kept {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "{}") as Kept;
  } catch {
    return {};
  }
}

export function keep(change: Kept): void {
  try {
    localStorage.setItem(key, JSON.stringify({ ...kept(), ...change }));
  } catch {
    // A browser that keeps nothing asks again.
  }
}

export class PhoneSound {
  track: MediaStreamTrack | null = null;
  private opening: Promise<Refusal | undefined> | undefined;
  private context: AudioContext | undefined;
  private voices = new Map<number, HTMLAudioElement>();
  private ins: AnalyserNode | undefined;
  private source: MediaStreamAudioSourceNode | undefined;
  private outs: AnalyserNode | undefined;
  private frame = new Float32Array(512);
  private mute = false;

  /** blocked is told when the browser wants a click before any sound, ended when the microphone is pulled out. */
  constructor(private readonly raw: boolean, private readonly blocked: (yes: boolean) => void, private readonly ended: () => void) {}

  /** A gesture lets sound begin. */
  wake(): void {
    this.context ??= new AudioContext();
    void this.context.resume().catch(() => undefined);
  }

  /** Opens the microphone that was chosen, or another where that one is gone; once, however often it is asked for. */
  open(): Promise<Refusal | undefined> {
    if (this.track?.readyState === "live") return Promise.resolve(undefined);
    this.opening ??= this.ask().finally(() => (this.opening = undefined));
    return this.opening;
  }

  private async ask(): Promise<Refusal | undefined> {
    if (!navigator.mediaDevices) return "none";
    const { microphone } = kept();
    const wish: MediaTrackConstraints = { echoCancellation: !this.raw, noiseSuppression: !this.raw, autoGainControl: !this.raw, channelCount: 1 };
    try {
      let stream: MediaStream;
      try {
        stream = await navigator.mediaDevices.getUserMedia({ audio: microphone ? { ...wish, deviceId: { exact: microphone } } : wish });
      } catch (error) {
        if (!microphone || (error as DOMException).name === "NotAllowedError") throw error;
        stream = await navigator.mediaDevices.getUserMedia({ audio: wish });
      }
      const track = stream.getAudioTracks()[0];
      if (!track) return "none";
      track.enabled = !this.mute;
      track.onended = () => {
        if (this.track !== track) return;
        this.close();
        this.ended();
      };
      this.track = track;
      this.meter();
      return undefined;
    } catch (error) {
      return (error as DOMException).name === "NotAllowedError" || (error as DOMException).name === "SecurityError" ? "denied" : "none";
    }
  }

  private meter(): void {
    if (!this.track || !this.context) return;
    this.source?.disconnect();
    this.ins = this.context.createAnalyser();
    this.source = this.context.createMediaStreamSource(new MediaStream([this.track]));
    this.source.connect(this.ins);
  }

  /** Closes the microphone: the browser's recording light goes out. */
  close(): void {
    const track = this.track;
    this.track = null;
    this.source?.disconnect();
    this.source = this.ins = undefined;
    if (track) track.onended = null;
    track?.stop();
  }

  get muted(): boolean {
    return this.mute;
  }

  set muted(yes: boolean) {
    this.mute = yes;
    if (this.track) this.track.enabled = !yes;
  }

  /** Plays a voice that came in on the track of that number. */
  play(track: MediaStreamTrack, at: number): void {
    const stream = new MediaStream([track]);
    const audio = this.voices.get(at) ?? new Audio();
    this.voices.set(at, audio);
    audio.srcObject = stream;
    audio.volume = (kept().volume ?? 100) / 100;
    this.choose(audio);
    this.start(audio);
    if (this.context) {
      this.outs ??= this.context.createAnalyser();
      this.context.createMediaStreamSource(stream).connect(this.outs);
    }
  }

  private start(audio: HTMLAudioElement): void {
    void audio.play().then(
      () => this.blocked(false),
      (error: DOMException) => error.name === "NotAllowedError" && this.blocked(true),
    );
  }

  /** Begins again what the browser held back; to be called from a click. */
  unblock(): void {
    this.wake();
    for (const audio of this.voices.values()) this.start(audio);
  }

  /** Forgets the voices of a line that is closed. */
  silence(): void {
    for (const audio of this.voices.values()) {
      audio.pause();
      audio.srcObject = null;
    }
    this.voices.clear();
    this.outs?.disconnect();
    this.outs = undefined;
    this.blocked(false);
  }

  set volume(percent: number) {
    keep({ volume: percent });
    for (const audio of this.voices.values()) audio.volume = percent / 100;
  }

  static get canChooseSpeaker(): boolean {
    return "setSinkId" in HTMLMediaElement.prototype;
  }

  set speaker(id: string) {
    keep({ speaker: id });
    for (const audio of this.voices.values()) this.choose(audio);
  }

  private choose(audio: HTMLAudioElement): void {
    const { speaker } = kept();
    // A headset that is not there today: the computer's own is used.
    if (PhoneSound.canChooseSpeaker) void audio.setSinkId(speaker ?? "").catch(() => undefined);
  }

  /** How loud it is, 0 to 1, on the scale of an ear: microphone, voices. */
  get levels(): [number, number] {
    return [this.mute ? 0 : this.level(this.ins), this.level(this.outs)];
  }

  private level(node: AnalyserNode | undefined): number {
    if (!node) return 0;
    node.getFloatTimeDomainData(this.frame);
    let sum = 0;
    for (const sample of this.frame) sum += sample * sample;
    const db = 10 * Math.log10(sum / this.frame.length + 1e-9);
    return Math.max(0, Math.min(1, (db + 60) / 55));
  }

  /** The two tones of a key (ITU-T Q.23), so that a press is heard here too. */
  key(digit: string): void {
    const at = "123A456B789C*0#D".indexOf(digit);
    const context = this.context;
    if (at < 0 || context?.state !== "running") return;
    const loudness = context.createGain();
    loudness.gain.value = 0.06 * ((kept().volume ?? 100) / 100);
    loudness.connect(context.destination);
    for (const pitch of [[697, 770, 852, 941][at >> 2]!, [1209, 1336, 1477, 1633][at & 3]!]) {
      const tone = context.createOscillator();
      tone.frequency.value = pitch;
      tone.connect(loudness);
      tone.start();
      tone.stop(context.currentTime + 0.12);
    }
  }
}
