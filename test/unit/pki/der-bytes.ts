// Handcrafted DER for tests, right or wrong in chosen places.

import { expect } from 'vitest'
import { fromHex, latin1, utf8 } from '../../../src/bytes/index.js'
import { element } from '../../../src/der/index.js'
import type { ErrorCode } from '../../../src/errors.js'
import { TunnelError } from '../../../src/errors.js'

export { element }

export const sequence = (...parts: Uint8Array[]): Uint8Array => element(0x30, ...parts)
export const set = (...parts: Uint8Array[]): Uint8Array => element(0x31, ...parts)
export const octets = (content: Uint8Array): Uint8Array => element(4, content)
export const bits = (content: Uint8Array, unused = 0): Uint8Array =>
  element(3, new Uint8Array([unused]), content)
export const integer = (...content: number[]): Uint8Array => element(2, new Uint8Array(content))
export const nothing = (): Uint8Array => fromHex('0500')
export const ascii = (tag: number, text: string): Uint8Array => element(tag, latin1(text))
export const text = (value: string, tag = 0x0c): Uint8Array => element(tag, utf8(value))

/** An OBJECT IDENTIFIER from dotted text with small arcs. */
export function oid(dotted: string): Uint8Array {
  const [a = 0, b = 0, ...rest] = dotted.split('.').map(Number)
  const groups = (arc: number): number[] => {
    const out = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      out.unshift((left % 128) | 0x80)
    return out
  }
  return element(6, new Uint8Array([...groups(a * 40 + b), ...rest.flatMap(groups)]))
}

export const extension = (id: string, value: Uint8Array, critical = false): Uint8Array =>
  sequence(oid(id), ...(critical ? [fromHex('0101ff')] : []), octets(value))

export const name = (...attributes: [string, Uint8Array][]): Uint8Array =>
  sequence(...attributes.map(([type, value]) => set(sequence(oid(type), value))))

export const commonName = (value: string): Uint8Array => name(['2.5.4.3', text(value)])

export const ecdsaSha256 = (): Uint8Array => sequence(oid('1.2.840.10045.4.3.2'))

/** A P-256 SubjectPublicKeyInfo; its point need not be on the curve. */
export const p256 = (fill = 7): Uint8Array =>
  sequence(
    sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')),
    bits(new Uint8Array(65).fill(fill).fill(4, 0, 1)),
  )

export interface Parts {
  version?: Uint8Array | undefined
  serial?: Uint8Array
  inner?: Uint8Array
  outer?: Uint8Array
  issuer?: Uint8Array
  notBefore?: Uint8Array
  notAfter?: Uint8Array
  subject?: Uint8Array
  key?: Uint8Array
  extensions?: Uint8Array[] | undefined
  extra?: Uint8Array[]
  signature?: Uint8Array
}

/** A certificate whose signature is nonsense. */
export function certificate(parts: Parts = {}): Uint8Array {
  const algorithm = ecdsaSha256()
  const { extensions } = parts
  return sequence(
    sequence(
      ...('version' in parts ? (parts.version ? [parts.version] : []) : [fromHex('a003020102')]),
      parts.serial ?? integer(1),
      parts.inner ?? algorithm,
      parts.issuer ?? commonName('issuer'),
      sequence(
        parts.notBefore ?? ascii(0x17, '250101000000Z'),
        parts.notAfter ?? ascii(0x17, '300101000000Z'),
      ),
      parts.subject ?? commonName('subject'),
      parts.key ?? p256(),
      ...(parts.extra ?? []),
      ...(extensions === undefined ? [] : [element(0xa3, sequence(...extensions))]),
    ),
    parts.outer ?? parts.inner ?? algorithm,
    parts.signature ?? bits(fromHex('3006020101020101')),
  )
}

/** The code that a call throws. */
export function codeOf(call: () => unknown): ErrorCode | 'nothing' {
  try {
    call()
  } catch (error) {
    expect(error).toBeInstanceOf(TunnelError)
    return (error as TunnelError).code
  }
  return 'nothing'
}

/** The error that a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<TunnelError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(TunnelError)
  return error as TunnelError
}
