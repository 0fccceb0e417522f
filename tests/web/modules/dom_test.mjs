import assert from 'node:assert/strict';
import {test} from 'node:test';

import {one_at_a_time} from '../../../web/lib/dom.js';

/** Work whose end the test says. */
function held() {
  const ends = [];
  let running = 0;
  let most = 0;
  const work = () => new Promise((resolve, reject) => {
    most = Math.max(most, ++running);
    ends.push((error) => {
      running -= 1;
      if (error) reject(error);
      else resolve(ends.length);
    });
  });
  return {ends, work, most: () => most};
}

const turn = () => new Promise((resolve) => { setImmediate(resolve); });

test('one at a time, and once more for all who ask meanwhile', async () => {
  const {ends, work, most} = held();
  const ask = one_at_a_time(work);
  const first = ask();
  const others = [ask(), ask(), ask()];
  assert.equal(ends.length, 1);
  ends[0]();
  await first;
  const another = ask();
  await turn();
  assert.equal(ends.length, 2, 'the three who waited share one, and so does who comes before it has begun');
  ends[1]();
  await Promise.all([...others, another]);
  assert.equal(most(), 1);
});

test('what fails is told to who asked for it, and keeps nobody from asking again', async () => {
  const {ends, work} = held();
  const ask = one_at_a_time(work);
  const first = ask();
  const second = ask();
  ends[0](new Error('no answer'));
  await assert.rejects(first, /no answer/);
  await turn();
  ends[1]();
  await second;
  const third = ask();
  ends[2]();
  await third;
});
