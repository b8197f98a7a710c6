"""How what did not happen in time is told: one sentence for each timeout, and for the reminder before one."""

from __future__ import annotations

from case_events.core.values import Text

EVENTS: dict[str, Text] = {
    "acceptance_timed_out": Text(
        zh="平台未在 {due} 前受理，本案优先级为 {priority}。",
        en="the platform did not answer by {due}; the case has priority {priority}.",
    ),
    "evidence_timed_out": Text(
        zh="{asked}未在 {due} 前补齐证据。", en="{asked} did not bring all of the evidence asked for by {due}."
    ),
    "merchant_response_timed_out": Text(
        zh="{respondent}未在 {due} 前响应。", en="{respondent} did not reply by {due}."
    ),
    "response_timed_out": Text(zh="{respondent}未在 {due} 前响应。", en="{respondent} did not reply by {due}."),
    "negotiation_stalled": Text(zh="截至 {due} 双方仍未达成一致。", en="the parties had not agreed by {due}."),
    "intervention_window_expired": Text(
        zh="{complainant}未在 {due} 前申请平台介入。", en="{complainant} did not call the platform in by {due}."
    ),
    "return_timed_out.owe": Text(
        zh="{asked}未在 {due} 前配合退货，应直接退款。",
        en="{asked} did not act on the return by {due}; the refund is owed.",
    ),
    "return_timed_out.lapse": Text(
        zh="{asked}未在 {due} 前寄回商品，无需退款。", en="{asked} did not return the goods by {due}; nothing is owed."
    ),
    "ruling_timed_out": Text(
        zh="平台未在 {due} 前出具处理结果，本案优先级为 {priority}。",
        en="the platform did not rule by {due}; the case has priority {priority}.",
    ),
    "assignment_timed_out": Text(
        zh="平台未在 {due} 前安排专人，本案优先级为 {priority}。",
        en="nobody at the desk had the case by {due}; the case has priority {priority}.",
    ),
    "appeal_window_expired": Text(
        zh="申诉期于 {due} 届满，无人申诉，处理结果生效。", en="nobody appealed by {due}; the ruling stands."
    ),
    "remedy_timed_out": Text(
        zh="{respondent}未在 {due} 前履行，本案优先级为 {priority}。",
        en="{respondent} did not do what is owed by {due}; the case has priority {priority}.",
    ),
    "recovery_timed_out": Text(
        zh="{asked}未在 {due} 前向平台返还，本案优先级为 {priority}。",
        en="{asked} did not pay the platform back by {due}; the case has priority {priority}.",
    ),
    "follow_up_timed_out": Text(
        zh="平台未在 {due} 前回访，按原结果关闭。",
        en="nobody followed up by {due}; the case closes as it was decided.",
    ),
    "deadline_approaching": Text(
        zh="提醒{asked}：{clock}将于 {due} 截止。", en="a reminder for {asked}: the deadline for {clock} is {due}."
    ),
}
