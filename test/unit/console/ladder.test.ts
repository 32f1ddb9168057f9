// Rungs of the ladder from trace events, and fields of a message as a tree.
import { describe, expect, it } from 'vitest'
import type { TimedTraceEvent, TraceEvent } from '../../../src/trace.js'
import { messageName, mostRungs, rungBuilder } from '../../../worker/console/rungs.js'
import { fieldAt, flat, spanTree } from '../../../worker/console/span-tree.js'

const timed = (event: TraceEvent, at = 1): TimedTraceEvent => ({ at, layer: '0:tls', event })
const record = (
  direction: 'sent' | 'received',
  contentType: string,
  encrypted: boolean,
  length = 10,
): TraceEvent => ({
  type: 'record',
  direction,
  contentType,
  length,
  encrypted,
})
const message = (direction: 'sent' | 'received', name: string): TraceEvent => ({
  type: 'message',
  direction,
  name,
  bytes: new Uint8Array(5),
  spans: [],
})

describe('rungs', () => {
  it('know which messages were encrypted, each way by itself', () => {
    const builder = rungBuilder()
    builder.add(timed(record('sent', 'handshake', false)))
    builder.add(timed(message('sent', 'client_hello')))
    builder.add(timed(record('received', 'handshake', true)))
    builder.add(timed(message('received', 'encrypted_extensions')))
    builder.add(timed(message('sent', 'client_hello')))
    expect(builder.rungs.map(({ title, encrypted, direction }) => [title, encrypted, direction])).toEqual([
      ['ClientHello', false, 'sent'],
      ['EncryptedExtensions', true, 'received'],
      ['ClientHello', false, 'sent'],
    ])
  })

  it('gather application data until it turns', () => {
    const builder = rungBuilder()
    for (const length of [100, 200, 300]) builder.add(timed(record('sent', 'application_data', true, length)))
    const turned = builder.add(timed(record('received', 'application_data', true, 50)))
    expect(builder.rungs.map(({ kind, detail }) => [kind, detail])).toEqual([
      ['data', '3 records, 600 B'],
      ['data', '1 record, 50 B'],
    ])
    expect(turned?.at).toBe(1)
  })

  it('have a cap, and say what is beyond it', () => {
    const builder = rungBuilder()
    for (let i = 0; i < mostRungs + 7; i++) builder.add(timed(message('sent', 'key_update')))
    expect(builder.rungs).toHaveLength(mostRungs)
    expect(builder.dropped).toBe(7)
  })

  it('show alerts, checks and errors, and leave out what says nothing', () => {
    const builder = rungBuilder()
    builder.add(timed({ type: 'alert', direction: 'received', alert: 'bad_certificate', fatal: true }))
    builder.add(timed({ type: 'check', name: 'chain', facts: { verified: false, length: 1 } }))
    builder.add(timed({ type: 'state', state: 'error', code: 'ERR_TLS_DECODE' }))
    builder.add(timed({ type: 'state', state: 'open' }))
    builder.add(timed({ type: 'step', name: 'unheard of', facts: {} }))
    expect(builder.rungs.map(({ title, detail }) => [title, detail])).toEqual([
      ['alert bad_certificate', 'fatal'],
      ['certificate chain verified', 'NOT verified'],
      ['ended by an error', 'ERR_TLS_DECODE'],
    ])
  })

  it('spell messages as the RFC does', () => {
    expect(['client_hello', 'certificate_verify', 'finished'].map(messageName)).toEqual([
      'ClientHello',
      'CertificateVerify',
      'Finished',
    ])
  })
})

describe('fields', () => {
  const span = (start: number, end: number, label: string) => ({ start, end, label })
  const tree = spanTree([
    span(0, 1, 'type'),
    span(4, 20, 'extensions'),
    span(6, 12, 'first'),
    span(8, 12, 'inside'),
    span(12, 20, 'second'),
    span(1, 4, 'length'),
  ])

  it('nest by extent, in the order of the bytes', () => {
    expect(flat(tree).map(({ label, depth }) => [label, depth])).toEqual([
      ['type', 0],
      ['length', 0],
      ['extensions', 0],
      ['first', 1],
      ['inside', 2],
      ['second', 1],
    ])
  })

  it('are found by byte, innermost first', () => {
    expect([0, 5, 7, 9, 12, 20].map((at) => fieldAt(tree, at)?.label)).toEqual([
      'type',
      'extensions',
      'first',
      'inside',
      'second',
      undefined,
    ])
  })
})
