// What a trace tells of one fixed run must be the same on every runtime, event for event and span for span: it is compared
// with one expectation that is written down here. What is random, or as long as something random, is left out.
import { expect, it } from 'vitest'
import type { CryptoProvider } from '../../src/crypto/provider.js'
import type { Span, TimedTraceEvent } from '../../src/trace.js'
import { echoes, sample } from '../support/traffic.js'
import { worldOf } from './world.js'

export function traces(crypto: CryptoProvider): void {
  it('are the same on every runtime', async () => {
    const told: string[] = []
    const world = await worldOf(offering(crypto))
    const { socket } = await world.meet({ trace: (event) => void told.push(line(event)) })
    await echoes(socket, sample(1000))
    await socket.close()
    await socket.closed
    expect(told).toEqual(expected)
  })
}

const expected: readonly string[] = [
  '0:tls start',
  '0:tls sent record handshake',
  '0:tls sent client_hello: msg_type length legacy_version random legacy_session_id cipher_suites legacy_compression_methods extensions (server_name) host_name (supported_groups) (signature_algorithms) (application_layer_protocol_negotiation) protocol (ec_point_formats) (extended_master_secret) (renegotiation_info) (supported_versions) (key_share) key_share_entry (record_size_limit)',
  '0:tls received record handshake',
  '0:tls received server_hello: msg_type length legacy_version random legacy_session_id_echo cipher_suite legacy_compression_method extensions (key_share) server_share (supported_versions) selected_version',
  '0:tls sent record change_cipher_spec',
  '0:tls received record change_cipher_spec',
  '0:tls received record handshake encrypted',
  '0:tls received encrypted_extensions: msg_type length extensions (application_layer_protocol_negotiation) protocol',
  '0:tls check alpn: selected',
  '0:tls received record handshake encrypted',
  '0:tls received certificate_request: msg_type length certificate_request_context extensions (signature_algorithms) signature_scheme signature_scheme signature_scheme signature_scheme signature_scheme signature_scheme signature_scheme signature_scheme signature_scheme signature_scheme signature_scheme signature_scheme signature_scheme',
  '0:tls received record handshake encrypted',
  '0:tls received certificate: msg_type length certificate_request_context certificate_list certificate_entry cert_data',
  '0:tls check chain: verified, length',
  '0:tls received record handshake encrypted',
  '0:tls received certificate_verify: msg_type length algorithm signature',
  '0:tls received record handshake encrypted',
  '0:tls received finished: msg_type length verify_data',
  '0:tls check signature: scheme',
  '0:tls check finished: ',
  '0:tls sent record handshake encrypted',
  '0:tls sent certificate: msg_type length certificate_request_context certificate_list certificate_entry cert_data',
  '0:tls sent record handshake encrypted',
  '0:tls sent certificate_verify: msg_type length algorithm signature',
  '0:tls sent record handshake encrypted',
  '0:tls sent finished: msg_type length verify_data',
  '0:tls open',
  '0:tls sent record application_data encrypted',
  '0:tls received record application_data encrypted',
  '0:tls sent record alert encrypted',
  '0:tls sent alert close_notify',
  '0:tls half-closed',
  '0:tls received record alert encrypted',
  '0:tls received alert close_notify',
  '0:tls eof',
  '0:tls closed',
]

/** What every provider has: the rest differs by platform, and is offered where it is. */
function offering(crypto: CryptoProvider): CryptoProvider {
  return {
    ...crypto,
    suites: crypto.suites.filter(({ name }) => name === 'TLS_AES_128_GCM_SHA256'),
    groups: crypto.groups.filter(({ name }) => name === 'X25519' || name === 'secp256r1'),
  }
}

function spanText({ label, value }: Span): string {
  return label === 'extension' ? `(${value})` : label
}

function line({ layer, event }: TimedTraceEvent): string {
  switch (event.type) {
    case 'message':
      return `${layer} ${event.direction} ${event.name}: ${event.spans.map(spanText).join(' ')}`
    case 'record':
      return `${layer} ${event.direction} record ${event.contentType}${event.encrypted ? ' encrypted' : ''}`
    case 'check':
      return `${layer} check ${event.name}: ${Object.keys(event.facts).join(', ')}`
    case 'state':
      return `${layer} ${event.state}`
    case 'alert':
      return `${layer} ${event.direction} alert ${event.alert}`
    default:
      return `${layer} ${event.type}`
  }
}
