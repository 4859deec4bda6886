//! Which conditions never hold without a token.

use super::program::{Fact, Node, NodeKind};
use super::syntax::Connective;

/// Whether `node` is false or a fault wherever there is no token. Where this says no, it may still be so.
pub(super) fn never_holds(node: &Node) -> bool {
    match &node.kind {
        // Claims are there with a token alone.
        NodeKind::Has(fact) => is_of_token(fact),
        NodeKind::Logic(Connective::And, operands) => operands.iter().any(never_holds),
        NodeKind::Logic(Connective::Or, operands) => operands.iter().all(never_holds),
        NodeKind::Conditional(parts) => {
            let (test, then, otherwise) = &**parts;
            faults(test) || (never_holds(otherwise) && (never_holds(test) || never_holds(then)))
        }
        _ => faults(node),
    }
}

/// Whether `node` has no value wherever there is no token.
fn faults(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Read(fact) => is_of_token(fact),
        NodeKind::Select(of, _)
        | NodeKind::HasField(of, _)
        | NodeKind::Not(of)
        | NodeKind::Negate(of)
        | NodeKind::InConstants(of, _)
        | NodeKind::Matches(of, _)
        | NodeKind::TimePart(_, of, _) => faults(of),
        NodeKind::Index(parts) | NodeKind::Binary(_, parts) => faults(&parts.0) || faults(&parts.1),
        NodeKind::List(items) | NodeKind::Call(_, items) => items.iter().any(faults),
        // Each operand may be decided by another one, unless all of them fault.
        NodeKind::Logic(_, operands) => operands.iter().all(faults),
        NodeKind::Conditional(parts) => faults(&parts.0),
        NodeKind::Quantified(quantified) => faults(&quantified.over),
        NodeKind::Constant(_) | NodeKind::Has(_) | NodeKind::Variable(_) => false,
    }
}

fn is_of_token(fact: &Fact) -> bool {
    match fact {
        Fact::Claim(..) | Fact::Audiences | Fact::Scopes | Fact::Issuer => true,
        Fact::Method
        | Fact::Host
        | Fact::Path
        | Fact::Scheme
        | Fact::Size
        | Fact::SourceAddress
        | Fact::SourcePrincipal
        | Fact::Header(_)
        | Fact::Query(_)
        | Fact::Parameter(_)
        | Fact::Now => false,
    }
}
