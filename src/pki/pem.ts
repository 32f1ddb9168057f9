// Textual encodings (RFC 7468), and the headers of RFC 1421 that encrypted keys of old still carry. Text around and
// between blocks is skipped, as RFC 7468 §2 wants.
import { type Bytes, fromBase64, fromLatin1 } from '../bytes/index.js'
import { type ErrorCode, failure } from '../errors.js'

export interface PemBlock {
  readonly label: string
  readonly der: Bytes
  /** RFC 1421 §4.6 headers (`Proc-Type`, `DEK-Info`) by name. */
  readonly headers: ReadonlyMap<string, string>
}

/** Largest text that is read, in characters: a platform's whole root store is a quarter of a megabyte. */
const MAX_TEXT = 16 << 20
/** Characters of a label; `SSH2 ENCRYPTED PRIVATE KEY` has 26. */
const MAX_LABEL = 39

/** All blocks of a text. A block without its end, or with anything but base64 in it, raises `code`. */
export function parsePem(text: string, code: ErrorCode = 'ERR_CONFIG_INVALID'): PemBlock[] {
  if (text.length > MAX_TEXT) throw failure(code, 'the PEM text is too large')
  const blocks: PemBlock[] = []
  let block: { label: string; headers: Map<string, string>; base64: string } | undefined
  for (const raw of text.split(/\r\n|\r|\n/)) {
    const line = raw.trim()
    const [, mark, label = ''] = /^-----(BEGIN|END) ([^-]*(?:-[^-]+)*)-----$/.exec(line) ?? []
    // What is longer than any label there is does not go into an error: it may be a key in the wrong place.
    const edge = label.length > MAX_LABEL ? undefined : mark
    if (edge === 'BEGIN' && block === undefined) {
      block = { label, headers: new Map(), base64: '' }
    } else if (block === undefined) {
      // Explanatory text.
    } else if (edge !== undefined) {
      // RFC 7468 §2: the labels match.
      if (edge !== 'END' || label !== block.label) break
      blocks.push({ label: block.label, headers: block.headers, der: fromBase64(block.base64, code) })
      block = undefined
    } else {
      const [, name, value] = /^([A-Za-z-]+): *(.*)$/.exec(line) ?? []
      if (name !== undefined) block.headers.set(name, value!)
      else block.base64 += line
    }
  }
  if (block !== undefined) throw failure(code, `PEM block "${block.label}" does not end`)
  return blocks
}

/** The certificates of PEM text or of DER bytes (or of PEM text in bytes), undecoded. */
export function certificatesIn(input: string | Uint8Array, code: ErrorCode): Bytes[] {
  if (typeof input !== 'string' && !(input instanceof Uint8Array))
    throw failure(code, 'certificates are neither text nor bytes')
  const text = typeof input === 'string' ? input : pemText(input)
  if (text === undefined) return [new Uint8Array(input as Uint8Array)]
  return parsePem(text, code)
    .filter(({ label }) => label === 'CERTIFICATE' || label === 'X509 CERTIFICATE')
    .map((block) => block.der)
}

/** Bytes that are PEM text, as text; undefined for DER, whose first byte is a SEQUENCE. */
export function pemText(bytes: Uint8Array): string | undefined {
  return bytes[0] === 0x30 && bytes[1] !== 0x20 ? undefined : fromLatin1(bytes)
}
