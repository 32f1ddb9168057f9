// What runs in workerd without nodejs_compat and without a test runner: one mutual handshake and an echo, told as JSON.
import { webcrypto } from '../../src/crypto/index.js'
import { echoes, sample } from '../support/traffic.js'
import { worldOf } from './world.js'

export async function answer(): Promise<Response> {
  const world = await worldOf(webcrypto(globalThis.crypto))
  const { socket } = await world.meet({ path: { chop: 100 } })
  await echoes(socket, sample(100_000))
  await socket.close()
  await socket.closed
  const { version, suite, alpn, clientCertificate } = socket.info
  const names = ['process', 'Buffer', 'require'].filter((name) => name in globalThis)
  return Response.json({ version, suite, alpn, clientCertificate, nodeGlobals: names })
}
