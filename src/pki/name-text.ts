// Distinguished names and other text of peers as messages show them: RFC 4514, on one line, with nothing invisible in it.
// Nothing is decided by it, and it is loaded when there is something to say.
import { hex, utf8 } from '../bytes/index.js'
import { element } from '../der/index.js'
import type { Attribute, Name } from './names.js'
import { emailAddress } from './oid.js'

/** RFC 4514 text, most specific RDN first, cut at 500 characters. Control and invisible characters are escaped. */
export function nameText(name: Name): string {
  return shorten(
    name.rdns
      .map((rdn) => rdn.map(attributeText).join('+'))
      .reverse()
      .join(','),
  )
}

/** Peer text made safe for one line of a message: invisible characters escaped, cut at 500 characters. */
export function printable(text: string): string {
  return shorten(escapeInvisible(text))
}

/** RFC 4514 §3 short names, and the few others that people know. */
const attributeNames: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.17': 'postalCode',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  [emailAddress]: 'emailAddress',
}

function attributeText({ type, value, tag, text }: Attribute): string {
  const name = attributeNames[type]
  // RFC 4514 §2.4: an unknown type shows the encoding of its value.
  if (name === undefined || text === undefined) return `${name ?? type}=#${hex(element(tag, value))}`
  const escaped = text.replace(/[,+"\\<>;=]|^[ #]| $/g, '\\$&')
  return `${name}=${escapeInvisible(escaped)}`
}

function shorten(text: string): string {
  return text.length > 500 ? `${text.slice(0, 500)}…` : text
}

function escapeInvisible(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, hexEscapes)
}

function hexEscapes(symbol: string): string {
  return hex(utf8(symbol)).replace(/../g, '\\$&')
}
