// Reference identities: DNS names and IP literals, and how a certificate's names match them (RFC 9525, RFC 6125).
// The common name is never looked at.
import { type Bytes, equal } from '../bytes/index.js'
import type { GeneralName } from './general-names.js'
import { generalNameKinds } from './general-names.js'

/** A host name in LDH form (RFC 1034 §3.5), without trailing dot, not all digits in its last label. */
export function isDnsName(name: string): boolean {
  return (
    name.length <= 253 &&
    /^(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)*(?!\d+$)[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i.test(name)
  )
}

/** The 4 or 16 octets of an IP literal (IPv6 with or without brackets), or undefined for anything else. */
export function ipOctets(text: string): Bytes | undefined {
  return text.includes(':') ? ipv6(text.replace(/^\[(.*)\]$/, '$1')) : ipv4(text)
}

/** Whether one of the presented names is the reference name, a DNS name or an IP literal. */
export function matchesServerName(reference: string, presented: readonly GeneralName[]): boolean {
  const address = ipOctets(reference)
  if (address !== undefined) {
    // RFC 9525 §6.1.2: an IP address matches iPAddress octets only, never a dNSName.
    return presented.some((name) => name.kind === generalNameKinds.ip && equal(name.bytes, address))
  }
  const wanted = reference.replace(/\.$/, '').toLowerCase()
  // What is no host name (NUL, underscore, U-labels, numbers) matches nothing, not even itself.
  if (!isDnsName(wanted)) return false
  const parent = wanted.slice(wanted.indexOf('.') + 1 || wanted.length)
  return presented.some((name) => {
    if (name.kind !== generalNameKinds.dns) return false
    const candidate = name.text.toLowerCase()
    if (!candidate.startsWith('*.')) return candidate === wanted
    // RFC 9525 §6.3: the wildcard is the whole left-most label and stands for exactly one; at least two labels follow.
    return parent.includes('.') && candidate.slice(2) === parent
  })
}

function ipv4(text: string): Bytes | undefined {
  const parts = text.split('.')
  // RFC 3986 §3.2.2: dec-octet, without leading zeros.
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined
  return new Uint8Array(parts.map(Number))
}

function ipv6(text: string): Bytes | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map(groups)
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined
  const gap = 16 - head.length - (tail?.length ?? 0)
  // RFC 4291 §2.2: "::" stands for one or more groups of zeros.
  if (halves.length === 2 ? gap < 2 : gap !== 0) return undefined
  return new Uint8Array([...head, ...new Array<number>(gap).fill(0), ...(tail ?? [])])
}

function groups(text: string): number[] | undefined {
  const octets: number[] = []
  const parts = text === '' ? [] : text.split(':')
  for (const [i, part] of parts.entries()) {
    const embedded = i === parts.length - 1 ? ipv4(part) : undefined
    if (embedded !== undefined) octets.push(...embedded)
    else if (/^[\da-f]{1,4}$/i.test(part)) {
      const group = Number.parseInt(part, 16)
      octets.push(group >> 8, group & 0xff)
    } else return undefined
  }
  return octets
}
