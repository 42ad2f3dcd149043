// Many pusher-js clients in one process, as one application has them, who live through the end of their server.

import assert from 'node:assert/strict'

import { codeOf, connect, overhear, publisher, sentAway, tell, world } from './stage.mjs'

const CHANNELS = ['flock', 'private-flock', 'presence-flock']
const heard = overhear()
const application = publisher()

/** One of them. It calls the server by an address of its own (all of 127/8 is this machine), to count its attempts. */
class Member {
  lost = 0 // connections
  lostAt = performance.now()
  backAt = 0 // 0 while it is not subscribed to everything
  codes = [] // with which connections ended, and attempts

  constructor(number) {
    this.host = `127.0.1.${number}`
    const customHandler = ({ socketId, channelName }, done) => {
      const member = channelName.startsWith('presence-') ? { user_id: `${number}` } : undefined
      done(null, application.authorizeChannel(socketId, channelName, member))
    }
    const pusher = connect({ wsHost: this.host, channelAuthorization: { customHandler } })
    this.channels = CHANNELS.map((name) => pusher.subscribe(name))
    pusher.connection.bind('error', (error) => this.#end(codeOf(error)))
    pusher.connection.bind('state_change', ({ previous }) => previous === 'connected' && this.lost++)
    for (const channel of this.channels) {
      channel.bind('pusher:subscription_succeeded', () => this.#subscribed())
      channel.bind('after', () => this.#hear(channel.name))
    }
  }

  /** Told again by each attempt that fails, and twice by 4200. Its state changes when it tries again, up to 1 s later. */
  #end(code) {
    this.codes.push(code)
    if (this.backAt) Object.assign(this, { lostAt: performance.now(), backAt: 0, heard: new Set() })
  }

  #subscribed() {
    if (!this.channels.every((channel) => channel.subscribed)) return
    this.backAt = performance.now()
    tellWhenAllAreHere()
  }

  #hear(channel) {
    assert(!this.heard.has(channel), `${this.host} heard it twice on ${channel}`)
    if (this.heard.add(channel).size < CHANNELS.length) return
    if (members.every((each) => each.heard?.size === CHANNELS.length)) tell('all heard', members.length)
  }

  get attempts() {
    return heard.urls.filter((url) => url.includes(`//${this.host}:`)).length
  }
}

const members = []

/** Nobody was lost more often than the others: each came back once. */
function tellWhenAllAreHere() {
  if (members.length < world.count) return
  if (!members.every((each) => each.backAt && each.lost === members[0].lost)) return
  tell('all here', {
    lost: members[0].lost,
    milliseconds: members.map((each) => Math.round(each.backAt - each.lostAt)).sort((a, b) => a - b),
    attempts: members.map((each) => each.attempts).sort((a, b) => a - b),
    codes: [...new Set(members.flatMap((each) => each.codes))].sort(),
  })
  heard.urls.length = 0
  for (const each of members) each.codes = []
}

/** Tells each time when all are subscribed to everything, and when all have heard `after` on every channel, once. */
export async function comesBack() {
  for (let number = 1; number <= world.count; number++) members.push(new Member(number))
  await sentAway()
}
