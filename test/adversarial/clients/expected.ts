// What has to hold after each client, whatever it did: it was told, logged and counted once and alike, nothing of it is left,
// and an honest client is served.
import { expect } from 'vitest'
import type { AlertName } from '../../../src/errors-node.js'
import type { SeenAlert } from '../../support/tls-server/server.js'
import type { Outcome, ServiceEnd, World } from './stage.js'
import { word } from './stage.js'

export interface Expected {
  readonly code: string
  readonly alert?: AlertName
  readonly encrypted: boolean
  readonly service?: ServiceEnd
  readonly servedSince35?: true
}

export async function expectTold(world: World, outcome: Outcome, code: string): Promise<void> {
  const { told, logged, counted, dirty, left } = outcome
  expect({ told, logged, counted, dirty, left }).toEqual({
    told: [code],
    logged: [code],
    counted: [code],
    dirty: [],
    left: 0,
  })
  expect(await world.honest()).toBe('honest')
}

/** Which alert a broken rule gets is OpenSSL's to say; the tables have the words of the one in Node 20. */
const wordForWord = process.versions.openssl.startsWith('3.0.')

export async function expectFault(
  world: World,
  outcome: Outcome & { readonly heard: readonly SeenAlert[] },
  { code, alert, encrypted, service, servedSince35 }: Expected,
): Promise<void> {
  if (servedSince35 && !wordForWord) return expectServed(world, outcome)
  const seen = alert === undefined ? [] : [{ name: alert, level: 2, encrypted }]
  if (wordForWord) expect(outcome.heard).toEqual(seen)
  else expect(outcome.heard).toHaveLength(seen.length)
  await expectTold(world, outcome, code)
  // Before it is open nothing reaches the service; afterwards the word that was said, and never a clean end.
  expect(outcome.service.map(({ end }) => end)).toEqual(service === undefined ? [] : [service])
  // Where TLS ended an open tunnel, the log has its reason.
  if (service !== undefined && alert !== undefined)
    expect(outcome.details).toEqual([expect.stringMatching(/^ERR_(?:SSL|TLS)_/)])
  for (const { bytes } of outcome.service) expect([word, `${word}once`]).toContain(bytes)
}

export async function expectServed(
  world: World,
  outcome: Outcome & { readonly heard: readonly SeenAlert[] },
): Promise<void> {
  expect(outcome.heard).toEqual([{ name: 'close_notify', level: 1, encrypted: true }])
  await expectTold(world, outcome, 'ok')
  expect(outcome.service).toEqual([{ bytes: word, end: 'whole' }])
}
