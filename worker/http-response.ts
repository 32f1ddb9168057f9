// The answer of an HTTP/1.1 service, read strictly and within bounds (RFC 9112): head, then a body by length, in chunks or
// to the end of the stream. No address, no policy and no runtime noun but streams enters.
import { Refusal } from './refusal.js'

export interface ResponseHead {
  readonly status: number
  readonly reason: string
  readonly fields: ReadonlyArray<readonly [string, string]>
}

/** How the end of a body is known. */
export type BodyEnd =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' }

/** Reads the next piece; undefined at the end of the stream. */
export type ReadPiece = () => Promise<Uint8Array | undefined>

// As much as common servers and proxies take.
const maxHead = 64 * 1024
const maxInterim = 8
// RFC 9112 §7.1.1: extensions of a chunk may be ignored, but not without end.
const maxChunkLine = 1024

/** Bytes of a stream with what was read too far given back. */
export class Source {
  readonly #read: ReadPiece
  #rest: Uint8Array = new Uint8Array(0)

  constructor(read: ReadPiece) {
    this.#read = read
  }

  /** At most `most` bytes, at least one; undefined at the end. */
  async some(most: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const piece = await this.#read()
      if (piece === undefined) return undefined
      this.#rest = piece
    }
    const taken = this.#rest.subarray(0, most)
    this.#rest = this.#rest.subarray(taken.length)
    return taken
  }

  /** A line without its CRLF, as Latin-1, of at most `most` bytes with it. Throws a Refusal. */
  async line(most: number, tooLong: 'ERR_AGENT_RESPONSE_HEAD' | 'ERR_AGENT_RESPONSE'): Promise<string> {
    let text = ''
    for (;;) {
      const left = most - text.length
      if (left <= 0) throw new Refusal(tooLong)
      const piece = await this.some(left)
      if (piece === undefined) throw malformed('the stream ended in the middle of a head')
      const end = piece.indexOf(0x0a)
      const taken = end < 0 ? piece : piece.subarray(0, end + 1)
      if (end >= 0) this.#unread(piece.subarray(end + 1))
      text += latin1(taken)
      if (end < 0) continue
      // RFC 9112 §2.2: what is not CRLF is no end of a line here, and a bare CR is never part of one.
      if (!text.endsWith('\r\n') || text.indexOf('\r') !== text.length - 2) throw malformed('a bare CR or LF')
      return text.slice(0, -2)
    }
  }

  #unread(rest: Uint8Array): void {
    if (rest.length === 0) return
    if (this.#rest.length === 0) {
      this.#rest = rest
      return
    }
    const both = new Uint8Array(rest.length + this.#rest.length)
    both.set(rest)
    both.set(this.#rest, rest.length)
    this.#rest = both
  }
}

/** The final head; interim ones are dropped. Throws ERR_AGENT_RESPONSE and ERR_AGENT_RESPONSE_HEAD. */
export async function readHead(source: Source): Promise<ResponseHead> {
  let left = maxHead
  const line = async () => {
    const text = await source.line(left, 'ERR_AGENT_RESPONSE_HEAD')
    left -= text.length + 2
    return text
  }
  for (let interim = 0; interim <= maxInterim; interim++) {
    // RFC 9112 §4: status-line = HTTP-version SP status-code SP [ reason-phrase ]
    const match = /^HTTP\/1\.[01] ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/.exec(await line())
    if (match === null) throw malformed('a bad status line')
    const status = Number(match[1])
    const fields: Array<readonly [string, string]> = []
    for (let text = await line(); text !== ''; text = await line()) fields.push(parseField(text))
    // Nothing was asked to switch to.
    if (status === 101) throw malformed('a 101 that nobody asked for')
    if (status >= 200) return { status, reason: match[2] ?? '', fields }
  }
  throw malformed('too many interim answers')
}

/** RFC 9112 §6.3, without what is ambiguous. Throws ERR_AGENT_RESPONSE. */
export function bodyEnd(head: ResponseHead, method: string): BodyEnd {
  const values = (name: string) =>
    head.fields.filter((field) => field[0].toLowerCase() === name).map((field) => field[1])
  const codings = values('transfer-encoding')
  const lengths = values('content-length')
  // §6.1: both together are how responses are smuggled.
  if (codings.length > 0 && lengths.length > 0) throw malformed('a length and a transfer coding')
  if (method === 'HEAD' || head.status === 204 || head.status === 205 || head.status === 304)
    return { kind: 'none' }
  if (codings.length > 0) {
    if (codings.join(',').trim().toLowerCase() !== 'chunked') throw malformed('an unknown transfer coding')
    return { kind: 'chunked' }
  }
  if (lengths.length === 0) return { kind: 'close' }
  if (lengths.length > 1 || !/^\d{1,15}$/.test(lengths[0]!)) throw malformed('a bad length')
  return { kind: 'length', length: Number(lengths[0]) }
}

/** The body, piece by piece; ends only when it is known to be whole. Throws ERR_AGENT_RESPONSE. */
export async function* readBody(source: Source, end: BodyEnd): AsyncGenerator<Uint8Array, void, void> {
  if (end.kind === 'length') {
    yield* exactly(source, end.length)
  } else if (end.kind === 'close') {
    // The end of inner TLS is authenticated: truncation is an error of its own, not this end.
    for (let piece = await source.some(Number.POSITIVE_INFINITY); piece !== undefined; ) {
      yield piece
      piece = await source.some(Number.POSITIVE_INFINITY)
    }
  } else if (end.kind === 'chunked') {
    yield* chunks(source)
  }
}

async function* chunks(source: Source): AsyncGenerator<Uint8Array, void, void> {
  for (;;) {
    const match = /^([0-9A-Fa-f]{1,8})[\t ]*(?:;.*)?$/.exec(
      await source.line(maxChunkLine, 'ERR_AGENT_RESPONSE'),
    )
    if (match === null) throw malformed('a bad chunk')
    const size = Number.parseInt(match[1]!, 16)
    if (size === 0) break
    yield* exactly(source, size)
    if ((await source.line(2, 'ERR_AGENT_RESPONSE')) !== '') throw malformed('a bad chunk')
  }
  // Trailers have no place to go to.
  for (let left = maxHead; ; ) {
    const text = await source.line(left, 'ERR_AGENT_RESPONSE_HEAD')
    if (text === '') return
    left -= text.length + 2
  }
}

async function* exactly(source: Source, length: number): AsyncGenerator<Uint8Array, void, void> {
  for (let left = length; left > 0; ) {
    const piece = await source.some(left)
    if (piece === undefined) throw malformed('the body ended early')
    left -= piece.length
    yield piece
  }
}

function parseField(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  const name = line.slice(0, Math.max(colon, 0))
  const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, '')
  // RFC 9112 §5.1, §5.2: no space before the colon, no folded lines; RFC 9110 §5.5: no control characters.
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
    throw malformed('a bad header line')
  return [name, value]
}

function latin1(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

function malformed(detail: string): Refusal {
  return new Refusal('ERR_AGENT_RESPONSE', { detail })
}
