// Text and bytes: Latin-1, UTF-8, hex and base64, by the means of the language alone: the core may not assume a global
// TextDecoder.
import { type ErrorCode, failure } from '../errors.js'
import type { Bytes } from './index.js'

const HEX = '0123456789abcdef'
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Latin-1: one byte a code unit. Throws a RangeError above U+00FF. */
export function latin1(text: string): Bytes {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0xff) throw new RangeError('not a Latin-1 string')
    bytes[i] = unit
  }
  return bytes
}

export function fromLatin1(bytes: Uint8Array): string {
  let text = ''
  // In slices: String.fromCharCode takes its bytes as arguments, and engines bound those.
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
  return text
}

/** UTF-8 of well-formed text; lone surrogates become U+FFFD. */
export function utf8(text: string): Bytes {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // Most text here is ASCII, labels of the key schedule above all.
    if (unit > 0x7f) return beyondAscii(text)
    bytes[i] = unit
  }
  return bytes
}

function beyondAscii(text: string): Bytes {
  // With the flag `u` a pair is one symbol, so that only lone surrogates are of the class.
  const wellFormed = text.replace(/\p{Surrogate}/gu, '\ufffd')
  const escaped = encodeURIComponent(wellFormed)
  return latin1(escaped.replace(/%(..)/g, (_, octet) => String.fromCharCode(Number.parseInt(octet, 16))))
}

/** Strict UTF-8 (RFC 3629: no overlong forms, surrogates or values past U+10FFFF), or undefined. */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  try {
    // ECMA-262 wants decoding to be that strict.
    return decodeURIComponent(hex(bytes).replace(/../g, '%$&'))
  } catch {
    return undefined
  }
}

export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX[byte >> 4]! + HEX[byte & 15]!
  return text
}

/** Bytes of an even number of hex digits; anything else raises `code`. */
export function fromHex(text: string, code: ErrorCode = 'ERR_CONFIG_INVALID'): Bytes {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw failure(code, 'not hexadecimal')
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

export function base64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const triple = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    text += BASE64[triple >> 18]! + BASE64[(triple >> 12) & 63]!
    text += i + 1 < bytes.length ? BASE64[(triple >> 6) & 63]! : '='
    text += i + 2 < bytes.length ? BASE64[triple & 63]! : '='
  }
  return text
}

/** Bytes of padded base64 (RFC 4648 §4); white space is skipped, anything else raises `code`. */
export function fromBase64(text: string, code: ErrorCode = 'ERR_CONFIG_INVALID'): Bytes {
  const digits = text.replace(/[\t\n\r ]+/g, '')
  if (digits.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(digits)) throw failure(code, 'not base64')
  const padding = digits.endsWith('==') ? 2 : digits.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((digits.length / 4) * 3 - padding)
  for (let i = 0, at = 0; i < digits.length; i += 4) {
    let quad = 0
    for (let k = 0; k < 4; k++) quad = (quad << 6) | Math.max(BASE64.indexOf(digits[i + k]!), 0)
    for (let k = 16; k >= 0 && at < bytes.length; k -= 8) bytes[at++] = (quad >> k) & 0xff
  }
  return bytes
}
