// Names and dates of certificates as text.
import type { Certificate } from './library.js'

const attributes: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
}

type Name = Certificate['subject']

/** The common name, or all there is. */
export function shortName(name: Name): string {
  const all = name.rdns.flat()
  return all.find(({ type }) => type === '2.5.4.3')?.text ?? (longName(name) || '(no name)')
}

/** `CN=…, O=…`, most specific first. */
export function longName(name: Name): string {
  return name.rdns
    .flat()
    .map(({ type, text }) => `${attributes[type] ?? type}=${text ?? '…'}`)
    .reverse()
    .join(', ')
}

export function dateText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 16).replace('T', ' ')
}

/** What part of its life a certificate has behind it, from 0 to 1. */
export function lifeSpent(
  { notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>,
  now: number,
): number {
  return Math.min(1, Math.max(0, (now - notBefore) / Math.max(1, notAfter - notBefore)))
}

/** "in 3 hours", "in 28 days". */
export function untilText(end: number, now: number): string {
  const hours = (end - now) / 3_600_000
  if (hours < 0) return 'expired'
  if (hours < 2) return `${Math.max(1, Math.round(hours * 60))} minutes left`
  return hours < 48 ? `${Math.round(hours)} hours left` : `${Math.round(hours / 24)} days left`
}

export function keyText(key: Certificate['publicKey']['key']): string {
  return Object.values(key)
    .filter((value) => typeof value === 'string' || typeof value === 'number')
    .join(' ')
    .replace(/^ec /, 'EC ')
    .replace(/^rsa/, 'RSA')
    .replace(/^ed25519/i, 'Ed25519')
}

export function hexText(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
}
