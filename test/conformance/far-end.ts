// The far end of a tunnel as layers of the same stack: the scripted TLS server, and what answers a connection upgrade. So
// a test builds the server's side as it builds the client's, on any runtime.
import { forgeCrypto, webcrypto } from '../../src/crypto/index.js'
import type { CryptoProvider } from '../../src/crypto/provider.js'
import { failure } from '../../src/errors.js'
import type { Layer, Sink } from '../../src/layer.js'
import type { ScriptedServer } from '../support/tls-server/index.js'

/** The runtime's own cryptography, with AES-GCM in JavaScript: the scripted server seals synchronously. */
export function serverCrypto(): CryptoProvider {
  const own = webcrypto(globalThis.crypto)
  return { ...own, suites: forgeCrypto(own).suites }
}

/** The scripted server as a layer. It opens when the client's Finished is right. */
export function tlsServer(server: ScriptedServer): Layer<ScriptedServer> {
  let opened = false
  let closed = false
  const flush = (sink: Sink<ScriptedServer>): void => {
    const out = server.take()
    if (out.length > 0) sink.down(out)
  }
  return {
    name: 'tls-server',
    start: () => {},
    async receive(chunk, sink) {
      await server.receive(chunk)
      flush(sink)
      if (server.finished && !opened) {
        opened = true
        sink.open(server)
      }
      const data = server.read()
      if (data.length > 0) sink.up(data)
      const alert = server.alerts.at(-1)
      if (alert === undefined || closed) return
      closed = true
      sink.eof(alert.name === 'close_notify' ? undefined : failure('ERR_TLS_ALERT', alert.name))
    },
    eof(cause, sink) {
      if (!closed) sink.eof(cause ?? failure('ERR_TLS_TRUNCATED'))
    },
    send(chunk, sink) {
      server.send(chunk)
      flush(sink)
    },
    end(sink) {
      server.close()
      flush(sink)
      sink.finish()
    },
  }
}
