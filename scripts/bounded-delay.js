/**
 * A rule of ESLint: the platform's timers fire at once when their delay is above 2^31 - 1 ms, so what may be
 * a user's number goes to `base/timer`. Allowed are a number, a constant, sums and products of them,
 * Math.random(), and Math.min with one of them.
 */
const timers = new Set(['setTimeout', 'setInterval', 'AbortSignal.timeout']);

const nameOf = ({ type, name, object, property }) =>
  type === 'Identifier' ? name : type === 'MemberExpression' ? `${object.name}.${property.name}` : '';

export default {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      unbounded:
        'This delay may be above 2^31 - 1 ms, where timers fire at once: use Timer or boundedSignal of ' +
        'base/timer.',
    },
  },
  create(context) {
    const definitionOf = (node) => {
      for (let scope = context.sourceCode.getScope(node); scope; scope = scope.upper) {
        const variable = scope.set.get(node.name);
        if (variable) return variable.defs[0];
      }
      return undefined;
    };
    const isBounded = (node) => {
      if (node.type === 'Literal') return true;
      if (node.type === 'BinaryExpression') return isBounded(node.left) && isBounded(node.right);
      if (node.type === 'CallExpression')
        return (
          nameOf(node.callee) === 'Math.random' ||
          (nameOf(node.callee) === 'Math.min' && node.arguments.some(isBounded))
        );
      if (node.type !== 'Identifier') return false;
      const { node: declared, parent } = definitionOf(node) ?? {};
      // A constant of another file is believed.
      if (declared?.type === 'ImportSpecifier') return true;
      return parent?.kind === 'const' && declared?.init && isBounded(declared.init);
    };
    return {
      CallExpression(node) {
        const name = nameOf(node.callee);
        if (!timers.has(name)) return;
        const delay = node.arguments[name === 'AbortSignal.timeout' ? 0 : 1];
        if (delay && !isBounded(delay)) context.report({ node: delay, messageId: 'unbounded' });
      },
    };
  },
};
