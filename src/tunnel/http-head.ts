// The head of an HTTP/1.1 response, read strictly and within bounds (RFC 9112 §2-§5). No bodies and no transfer codings:
// an upgrade either switches protocols or fails. Interim responses count against the same bound as the final one.
import { fromLatin1 } from '../bytes/index.js'
import { failure, type TunnelError } from '../errors.js'

/** One header field: its name as it was spelled, its value without surrounding white space. */
export type Field = readonly [name: string, value: string]

export interface ResponseHead {
  /** HTTP/1.x: 0 or 1. */
  readonly minor: number
  readonly status: number
  readonly statusLine: string
  readonly fields: readonly Field[]
}

export interface HttpHeadLimits {
  /** Bytes of all heads together, interim ones included. */
  readonly bytes: number
  /** Interim (1xx, not 101) responses. */
  readonly interim: number
}

export interface HttpHeadParser {
  /** Bytes of head read so far. */
  size(): number
  /**
   * Read on. The final head with what follows it in this chunk (a view, perhaps empty), or undefined when more is needed.
   * Throws ERR_UPGRADE_MALFORMED and ERR_UPGRADE_TOO_LARGE.
   */
  feed(chunk: Uint8Array): { readonly head: ResponseHead; readonly rest: Uint8Array } | undefined
}

export function httpHeadParser(limits: HttpHeadLimits): HttpHeadParser {
  let size = 0
  let interim = 0
  let line = ''
  let carriageReturn = false
  let status: StatusLine | undefined
  let fields: Field[] = []

  /** A whole line, without its CRLF; true when it ended the final head. */
  function take(text: string): boolean {
    if (status === undefined) {
      status = parseStatusLine(text)
      return false
    }
    if (text !== '') {
      fields.push(parseField(text))
      return false
    }
    if (status.status >= 200) return true
    checkInterim(status, fields)
    if (status.status === 101) return true
    if (++interim > limits.interim)
      throw failure('ERR_UPGRADE_TOO_LARGE', `more than ${limits.interim} interim responses`)
    status = undefined
    fields = []
    return false
  }

  return {
    size: () => size,
    feed(chunk) {
      for (let at = 0; at < chunk.length; at++) {
        if (++size > limits.bytes)
          throw failure('ERR_UPGRADE_TOO_LARGE', `more than ${limits.bytes} bytes of head`)
        const byte = chunk[at]!
        if (byte === 0x0a) {
          if (!carriageReturn) throw malformed('a line ends without CR')
          const text = line
          line = ''
          carriageReturn = false
          if (take(text)) return { head: { fields, ...status! }, rest: chunk.subarray(at + 1) }
        } else if (carriageReturn) {
          // RFC 9112 §2.2: a bare CR makes the element invalid.
          throw malformed('a CR stands alone')
        } else if (byte === 0x0d) {
          carriageReturn = true
        } else {
          line += String.fromCharCode(byte)
          if (status === undefined && line.length <= VERSION.length && !VERSION.startsWith(line))
            throw notHttp(line + fromLatin1(chunk.subarray(at + 1, at + 1 + SHOWN)))
          // RFC 9110 §5.5: CTL other than HTAB, NUL above all, is invalid wherever it stands.
          if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f) throw malformed('a control character')
        }
      }
      return undefined
    },
  }
}

/** Values of every line of a field, in order; `name` in lower case. */
export function fieldValues(head: ResponseHead, name: string): string[] {
  return head.fields.filter((field) => field[0].toLowerCase() === name).map((field) => field[1])
}

/** Who answered, by its Server and Via fields. */
export function serverOf(head: ResponseHead): string | undefined {
  const facts = [...fieldValues(head, 'server'), ...fieldValues(head, 'via').map((hop) => `via ${hop}`)]
  return printable(facts.join(' '), 128) || undefined
}

/** Elements of a comma-separated list field over all its lines, in lower case (RFC 9110 §5.6.1: empty ones do not count). */
export function fieldTokens(head: ResponseHead, name: string): string[] {
  return fieldValues(head, name)
    .flatMap((value) => value.split(','))
    .map((token) => trimmed(token).toLowerCase())
    .filter((token) => token !== '')
}

/** Without optional white space at either end: SP and HTAB only (RFC 9110 §5.6.3). */
export function trimmed(text: string): string {
  // A pattern tied to the end would take time by the square of the white space inside.
  let end = text.length
  while (/[ \t]/.test(text[end - 1] ?? '')) end--
  return text.slice(0, end).replace(/^[ \t]+/, '')
}

/** Peer text made fit for messages and evidence: printable ASCII on one line, at most `max` characters. */
export function printable(text: string, max: number): string {
  return text
    .slice(0, max)
    .replace(/[^\x21-\x7e]+/g, ' ')
    .trim()
}

/** RFC 9110 §5.6.2. */
export const tokenPattern: RegExp = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

const VERSION = 'HTTP/1.'
/** Characters of an answer that is not HTTP that are kept as evidence. */
const SHOWN = 64

type StatusLine = Pick<ResponseHead, 'minor' | 'status' | 'statusLine'>

function parseStatusLine(line: string): StatusLine {
  // RFC 9112 §4: status-line = HTTP-version SP status-code SP [ reason-phrase ]; the second SP is often left out.
  const match = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/.exec(line)
  if (match === null) throw malformed('a bad status line', [`answer: ${printable(line, SHOWN)}`])
  return { minor: Number(match[1]), status: Number(match[2]), statusLine: line }
}

function parseField(line: string): Field {
  // RFC 9112 §5.2: obs-fold is refused: no server writes it any more, and it is how heads are smuggled.
  if (line[0] === ' ' || line[0] === '\t') throw malformed('a folded header line')
  const colon = line.indexOf(':')
  const name = line.slice(0, Math.max(colon, 0))
  // RFC 9112 §5.1: no white space between name and colon; a token has none.
  if (!tokenPattern.test(name)) throw malformed('a bad header name')
  return [name, trimmed(line.slice(colon + 1))]
}

function checkInterim(status: StatusLine, fields: readonly Field[]): void {
  // RFC 9110 §15.2: 1xx does not exist in HTTP/1.0.
  if (status.minor === 0) throw malformed(`${status.status} over HTTP/1.0`)
  // RFC 9110 §8.6, RFC 9112 §6.1: neither Content-Length nor Transfer-Encoding in a 1xx.
  for (const [name] of fields) {
    if (/^(content-length|transfer-encoding)$/i.test(name)) throw malformed(`${name} in a ${status.status}`)
  }
}

function notHttp(start: string): TunnelError {
  const first = start.charCodeAt(0)
  // RFC 8446 §5.1: a record begins with its content type, 21 for an alert and 22 for a handshake.
  const detail = first === 21 || first === 22 ? 'it is TLS' : 'it does not begin with HTTP/1.'
  return malformed(detail, [`answer: ${printable(start, SHOWN)}`])
}

function malformed(detail: string, evidence: readonly string[] = []): TunnelError {
  return failure('ERR_UPGRADE_MALFORMED', detail, { evidence })
}
