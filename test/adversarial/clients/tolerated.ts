// What looks like a broken rule and does no harm: what OpenSSL lets pass, and what the rules allow though few clients do it. Each
// client is served what it asked for, and nothing it slipped in reaches the service.
import { concat, fromHex, latin1 } from '../../../src/bytes/index.js'
import { contentType as content, extensionType as ext } from '../../../src/tls/registry.js'
import { resumed } from './certificate-faults.js'
import type { ClientScript, ScriptedClient } from './client.js'
import { times } from './fault.js'
import { extension, further } from './hello.js'
import { body, hello, hostNames, psk, second } from './hello-faults.js'
import type { World } from './stage.js'

export interface Tolerated {
  readonly what: string
  readonly script?: ClientScript | ((world: World) => Promise<ClientScript>)
  readonly act?: (client: ScriptedClient) => void
  readonly why: string
}

const empty = new Uint8Array(0)

// biome-ignore format: a line each
export const tolerated: readonly Tolerated[] = [
  { what: 'a ClientHello of one byte a record', script: { fragment: 1 }, why: 'allowed; its bytes are bounded, headers counted' },
  { what: 'every message of one byte a record', script: { fragment: 1, shared: [] }, why: 'allowed' },
  { what: 'a second hello as it should be', script: { shared: [] }, why: 'allowed' },
  { what: 'values that mean nothing (GREASE)', script: hello((h) => further(extension(h, ext.supported_versions, () => fromHex('047a7a0304')), 0xfafa, empty)), why: 'allowed' },
  { what: 'a cookie nobody gave it', script: hello((h) => further(h, ext.cookie, fromHex('0004deadbeef'))), why: 'ignored: no retry was pending' },
  { what: 'a cookie in the second hello that was not asked for', script: second((h) => further(h, ext.cookie, fromHex('0004deadbeef'))), why: 'ignored: the retry named none' },
  { what: 'fewer binders than pre-shared keys', script: hello((h) => further(h, ext.pre_shared_key, psk(2, 1))), why: 'the keys are unknown, so nobody looks at binders; a whole handshake' },
  { what: 'a pre-shared key without a binder', script: hello((h) => further(h, ext.pre_shared_key, psk(1, 0))), why: 'the same' },
  { what: 'early data without a pre-shared key', script: hello((h) => further(h, ext.early_data, empty)), why: 'not accepted; a whole handshake' },
  { what: 'early data with a ticket', script: resumed((ticket) => ({ ticket, hello: (h) => ({ ...h, extensions: [[ext.early_data, empty], ...h.extensions] }), before: (name, c) => void (name === 'finished' && c.plain(content.application_data, new Uint8Array(100))) })), why: 'not accepted; what was sent early is dropped' },
  { what: 'two shares of one group', script: body(ext.key_share, (b) => concat(fromHex('0048'), b.subarray(2), b.subarray(2))), why: 'the first counts' },
  { what: 'another random in the second hello', script: second((h) => ({ ...h, random: new Uint8Array(32).fill(7) })), why: 'OpenSSL does not compare; both hellos are in the transcript' },
  { what: 'another session id in the second hello', script: second((h) => ({ ...h, sessionId: new Uint8Array(32).fill(7) })), why: 'the same' },
  { what: 'another server name in the second hello', script: second((h) => extension(h, ext.server_name, () => hostNames('named.test'))), why: 'route, identity and policy are those of the first' },
  { what: 'a chain of 200 certificates', script: async ({ alice: { chain, signer } }) => ({ identity: { signer, chain: Array.from({ length: 200 }, () => chain[0]!) } }), why: 'less than 100 kB; what the path does not need is not looked at' },
  { what: 'a leaf that may sign certificates', script: async (w) => ({ identity: await w.identity({ ca: true }) }), why: "the authority's to decide; chain, dates and usage hold" },
  { what: '31 times change_cipher_spec', script: { before: (name, c) => void (name === 'finished' && times(30, () => c.plain(content.change_cipher_spec, Uint8Array.of(1)))) }, why: 'dropped, up to 32' },
  { what: '30 empty records', act: (c) => { times(30, () => c.record(content.application_data, empty)); c.alert('close_notify') }, why: 'dropped, up to 32 in a row' },
  { what: '40 key updates', act: (c) => { times(40, () => c.keyUpdate()); c.alert('close_notify') }, why: 'allowed; each costs its sender as much' },
  { what: '40 key updates that ask for one', act: (c) => { times(40, () => c.keyUpdate('update_requested')); c.alert('close_notify') }, why: 'allowed; each is answered' },
  { what: 'a record of 2^14 bytes of padding', act: (c) => { c.record(content.application_data, empty, 2 ** 14); c.alert('close_notify') }, why: 'allowed' },
  { what: 'an alert of level 3', act: (c) => c.alert('close_notify', 3), why: 'in TLS 1.3 the level means nothing' },
  { what: 'data after close_notify', act: (c) => { c.alert('close_notify'); c.send(latin1('too late')) }, why: 'never read' },
  { what: 'noise after close_notify', act: (c) => { c.alert('close_notify'); c.raw(latin1('and not even a record')) }, why: 'never read' },
]
