// The outer TLS under an upgrade. Load balancers cut it without close_notify whenever something behind them ends, and
// send close_notify after what was cut: its end proves nothing either way. So a truncation here is no failure: it is
// handed up as the cause, and the inner TLS, whose close_notify is the only proof, decides whether bytes are missing.
import { TunnelError } from '../errors.js'
import type { Layer, Sink } from '../layer.js'

/** `layer` as it is while `isTunnel()`; otherwise its truncations rise instead of being thrown. */
export function underUpgrade<Info>(layer: Layer<Info>, isTunnel: () => boolean): Layer<Info> {
  function risen(thrown: unknown, sink: Sink<Info>): void {
    if (!(thrown instanceof TunnelError) || thrown.code !== 'ERR_TLS_TRUNCATED' || isTunnel()) throw thrown
    // Nobody is there to read any more.
    sink.finish()
    sink.eof(thrown)
  }
  return {
    name: layer.name,
    start: (sink) => layer.start(sink),
    receive: (chunk, sink) => layer.receive(chunk, sink),
    send: (chunk, sink) => layer.send(chunk, sink),
    end: (sink) => layer.end(sink),
    eof(cause, sink) {
      try {
        return layer.eof(cause, sink)?.catch((thrown) => risen(thrown, sink))
      } catch (thrown) {
        risen(thrown, sink)
      }
    },
  }
}
