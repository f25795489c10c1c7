// Random messages, the same for the same seed: for clients of Node and of a browser.
const randomMessages = (seed, longest) => {
  // mulberry32
  let state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (most) => Math.floor(random() * most);

  // The bytes of message number `at`. One of a hundred is long; the first is as long as any may be.
  const bytes = (at) => {
    const length = at === 0 ? longest : below(random() < 0.01 ? longest : 2000);
    const made = new Uint8Array(length);
    for (let i = 0; i < length; i += 4096) made.fill(below(256), i, Math.min(i + 1 + below(4096), length));
    return made;
  };
  return { random, below, bytes };
};
if (typeof module !== 'undefined') module.exports = { randomMessages };
