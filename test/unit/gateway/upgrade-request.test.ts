import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { legacyAcceptance, upgradeType } from '../../../src/gateway/upgrade-request.js'

function requestWith(
  headers: Record<string, string>,
  change: { method?: string; httpVersion?: string } = {},
) {
  const request = new IncomingMessage(new Socket())
  return Object.assign(request, { method: 'GET', httpVersion: '1.1', headers, ...change })
}

describe('upgradeType', () => {
  it.each([
    [{ upgrade: 'websocket' }, 'websocket'],
    [{ upgrade: 'WebSocket' }, 'websocket'],
    [{ upgrade: 'alpn' }, 'alpn'],
    [{ upgrade: 'alpn, alpn-ping' }, 'alpn-ping'],
    [{ upgrade: 'alpn,,  websocket' }, 'websocket'],
    [{ 'x-teleport-upgrade': 'alpn' }, 'alpn'],
    [{ upgrade: 'alpn', 'x-teleport-upgrade': 'alpn-ping' }, 'alpn-ping'],
    [{ upgrade: 'alpn-pingx' }, undefined],
    [{ upgrade: '' }, undefined],
    [{ connection: 'upgrade' }, undefined],
  ])('of %j is %s', (headers, type) => {
    expect(upgradeType(requestWith(headers as Record<string, string>))).toBe(type)
  })

  it('is none for other methods and for HTTP/1.0', () => {
    expect(upgradeType(requestWith({ upgrade: 'alpn' }, { method: 'POST' }))).toBeUndefined()
    expect(upgradeType(requestWith({ upgrade: 'alpn' }, { httpVersion: '1.0' }))).toBeUndefined()
  })
})

describe('legacyAcceptance', () => {
  it('is what Teleport answers, to the byte', () => {
    expect(legacyAcceptance('alpn-ping')).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: alpn-ping\r\nX-Teleport-Upgrade: alpn-ping\r\n\r\n',
    )
  })
})
