// The connection upgrade and the framings that carry bytes behind it, as layers: HTTP heads, WebSocket and ping frames
// enter; TLS, sockets, timers and the choice between modes do not.
export { type PingOptions, pingFraming } from './ping.js'
export { type UpgradeInfo, type UpgradeOptions, upgrade } from './upgrade.js'
export { checkedFields, checkedPath, type UpgradeProtocol } from './upgrade-request.js'
export { type FramingInfo, type WebSocketOptions, webSocket } from './websocket.js'
