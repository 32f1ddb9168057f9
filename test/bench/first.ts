// A fresh process: load a library, shake hands once, say what that cost. `first <which> <port>`, with the root's certificate in
// BENCH_CA. It lies in a package of the name `underpass`, so that what it imports is found by the exports of package.json.
import { serverName } from './names.js'

const [which, port] = process.argv.slice(2) as [string, string]
const ca = process.env.BENCH_CA!
const door: string = 'underpass/node'
const cpu = process.cpuUsage()
const began = performance.now()

if (which === 'underpass') {
  const { createDialer } = (await import(door)) as typeof import('../../src/platform/node/index.js')
  const loaded = performance.now()
  const dialer = createDialer({
    origin: `https://127.0.0.1:${port}`,
    originTrust: ca,
    trust: ca,
    serverName,
    alpn: ['bench'],
    mode: 'direct',
  })
  await dialer.connect()
  answer(loaded)
} else {
  const { connect } = await import('node:tls')
  const loaded = performance.now()
  const socket = connect({
    host: '127.0.0.1',
    port: Number(port),
    ca,
    servername: serverName,
    ALPNProtocols: ['bench'],
  })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  answer(loaded)
}

function answer(loaded: number): void {
  const wall = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  process.send!({ wall, imported: loaded - began, cpu: (user + system) / 1000 })
}
