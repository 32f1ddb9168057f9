// Moving bytes: the driver of layers, the shapes of a byte stream, time and abort. No protocol and no runtime enter here.
export type { ByteStream, Wire, WireEvents } from './byte-stream.js'
export { Connection, type ConnectionOptions } from './drive.js'
export { type KeepAliveOptions, keepAlive, type Pinged } from './keepalive.js'
export { type StreamLimits, streamLimits } from './limits.js'
export { type Piped, pipe } from './pipe.js'
export { abortError, type DeadlineOptions, type SignalScope, signalScope, withDeadline } from './signal.js'
export { type TunnelSocket, type TunnelSocketOptions, takeWire, tunnelSocket } from './socket.js'
export { streamFromWire, type WireStream, wireFromStream } from './wire.js'
