// The client against an honest scripted server: what is negotiated, what is sent, what is told.
import { beforeAll, describe, expect, it } from 'vitest'
import { fromHex, hex, latin1 } from '../../../src/bytes/index.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { createWorld, serverName, type World } from '../../support/tls-server/index.js'

let world: World
beforeAll(async () => {
  world = await createWorld(nodeCrypto)
})

describe('handshake', () => {
  it('opens with what was negotiated', async () => {
    const meeting = await world.meet({ alpn: 'two' }, { alpn: ['one', 'two'] })
    expect(meeting.error).toBeUndefined()
    expect(meeting.info).toMatchObject({
      version: 'TLSv1.3',
      suite: nodeCrypto.suites[0]!.name,
      group: 'X25519',
      alpn: 'two',
      serverName,
      signature: 'ecdsa_secp256r1_sha256',
      clientCertificate: false,
      resumed: false,
    })
    expect(meeting.info!.peer.verified).toBe(true)
    expect(meeting.server.finished).toBe(true)
    expect(meeting.told).toEqual(['open'])
  })
  it('sends one flight of compatibility record and Finished', async () => {
    const { sent, server } = await world.meet()
    expect(sent).toHaveLength(2)
    expect(server.records.map(({ type }) => type)).toEqual(['handshake', 'change_cipher_spec', 'handshake'])
    expect(server.records[0]!.version).toBe(0x0301)
    expect(server.hellos[0]!.sessionId).toHaveLength(32)
  })
  it('carries data both ways and closes both ways', async () => {
    const meeting = await world.meet()
    await meeting.send(latin1('ping'))
    await meeting.settle()
    expect(hex(meeting.server.read())).toBe(hex(latin1('ping')))
    meeting.server.send(latin1('pong'))
    meeting.server.close()
    await meeting.settle()
    expect(hex(meeting.read())).toBe(hex(latin1('pong')))
    expect(meeting.told).toEqual(['open', 'up', 'eof'])
    await meeting.send(latin1('after the peer closed'))
    await meeting.end()
    await meeting.settle()
    expect(meeting.server.read()).toHaveLength(21)
    expect(meeting.server.alerts).toEqual([{ name: 'close_notify', level: 1, encrypted: true }])
    expect(meeting.told).toEqual(['open', 'up', 'eof', 'finish'])
    expect(fromHex('')).toHaveLength(0)
  })
})
