import { defineRule } from '../../define-rule.ts';

export default defineRule({
  id: 'pickle/expansion',
  severity: 'warning',
  needs: 'pickle',
  title: 'A few containers stand for millions of values',
  check({ omissions }, { graph }) {
    const [omission] = omissions;
    if (graph.expansion === undefined && omission === undefined) return undefined;
    const many =
      graph.expansion === undefined
        ? omission
        : `${graph.expansion > 1e15 ? graph.expansion.toExponential(0).replace('+', '') : Math.round(graph.expansion)} values stand in a few containers that hold each other over and over`;
    const cut =
      omission === undefined ? '' : ' Not all of its places could be listed, so nothing is said of the rest.';
    return {
      message: `${(many as string).replace(/^./, (first) => first.toUpperCase())}: torch.load builds it in no time, and whoever goes through the values without a look at what is shared, to print, count or move them, runs out of time or memory.${cut} No model is saved like this; fix does not rewrite it.`,
      subjects: ['the root'],
    };
  },
});
