// The scripted TLS 1.3 server and what tests need around it. Synchronous providers only on its side; any on the client's.
export { type Conversation, converse } from './converse.js'
export { ScriptedServer, type SeenAlert, type ServerMessageName, type ServerScript, type TicketState } from './server.js'
export { createWorld, type Meeting, serverName, type World } from './world.js'
