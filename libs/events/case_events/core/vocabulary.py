"""What the open words of the domain are called in Chinese and English: roles, reasons, demands, remedies, evidence."""

from __future__ import annotations

from case_events.core.policy import Text

ROLES: dict[str, Text] = {
    "buyer": Text(zh="买家", en="the buyer"),
    "merchant": Text(zh="商家", en="the merchant"),
    "platform": Text(zh="平台", en="the platform"),
    "carrier": Text(zh="物流公司", en="the carrier"),
    "warehouse": Text(zh="仓库", en="the warehouse"),
    "insurer": Text(zh="保险公司", en="the insurer"),
    "rights_holder": Text(zh="权利人", en="the rights holder"),
}

SIDES: dict[str, Text] = {
    "complainant": Text(zh="投诉方", en="the complainant"),
    "respondent": Text(zh="被投诉方", en="the respondent"),
}
"""What a party is called whose role we do not know."""

WORDS: dict[str, Text] = {
    # I1: the departments
    "customer_service": Text(zh="客服", en="customer service"),
    "consumer_protection": Text(zh="消费者保障部门", en="consumer protection"),
    "platform_supervision": Text(zh="平台监管部门", en="platform supervision"),
    # F13, N4, R1: demands, offers and remedies
    "refund": Text(zh="退款", en="refund"),
    "return_and_refund": Text(zh="退货退款", en="return and refund"),
    "partial_refund": Text(zh="部分退款", en="partial refund"),
    "exchange": Text(zh="换货", en="exchange"),
    "repair": Text(zh="维修", en="repair"),
    "compensation": Text(zh="赔偿", en="compensation"),
    "price_difference": Text(zh="补差价", en="price difference"),
    "freight": Text(zh="承担运费", en="freight"),
    "takedown": Text(zh="下架", en="takedown"),
    "rejected": Text(zh="不支持", en="rejected"),
    "shared_liability": Text(zh="共同承担", en="shared liability"),
    # R2: the penalties
    "warning": Text(zh="警告", en="warning"),
    "points": Text(zh="扣分", en="points"),
    "listing_removed": Text(zh="商品下架", en="listing removed"),
    "search_demotion": Text(zh="搜索降权", en="search demotion"),
    "traffic_limit": Text(zh="限制流量", en="traffic limit"),
    "operating_limit": Text(zh="限制经营", en="operating limit"),
    "store_closed": Text(zh="关闭店铺", en="store closed"),
    "benefits_reduced": Text(zh="降低权益", en="benefits reduced"),
    "cooperation_ended": Text(zh="终止合作", en="cooperation ended"),
    "infringement_record": Text(zh="侵权记录", en="infringement record"),
    "credit_mark": Text(zh="信用扣减", en="credit mark"),
    # F5: the reasons
    "quality": Text(zh="质量问题", en="quality"),
    "not_as_described": Text(zh="与描述不符", en="not as described"),
    "counterfeit": Text(zh="假冒商品", en="counterfeit"),
    "unlabelled_goods": Text(zh="三无产品", en="unlabelled goods"),
    "wrong_goods": Text(zh="发错货", en="wrong goods"),
    "damaged": Text(zh="商品破损", en="damaged"),
    "missing_parts": Text(zh="少件", en="missing parts"),
    "malfunction": Text(zh="功能异常", en="malfunction"),
    "size": Text(zh="尺码不符", en="size"),
    "changed_mind": Text(zh="不想要了", en="changed mind"),
    "not_received": Text(zh="未收到货", en="not received"),
    "late_shipment": Text(zh="延迟发货", en="late shipment"),
    "out_of_stock": Text(zh="缺货", en="out of stock"),
    "fake_shipment": Text(zh="虚假发货", en="fake shipment"),
    "price_added": Text(zh="加价", en="price added"),
    "price_fraud": Text(zh="价格欺诈", en="price fraud"),
    "false_advertising": Text(zh="虚假宣传", en="false advertising"),
    "promise_breach": Text(zh="违背承诺", en="promise breached"),
    "after_sales_refused": Text(zh="拒绝售后", en="after-sales refused"),
    "slow_handling": Text(zh="处理拖延", en="slow handling"),
    "service_attitude": Text(zh="服务态度", en="service attitude"),
    "refund_not_paid": Text(zh="退款未到账", en="refund not paid"),
    "freight_dispute": Text(zh="运费争议", en="freight dispute"),
    "seven_day_return": Text(zh="七天无理由退货", en="seven-day return"),
    "order_status_abnormal": Text(zh="订单状态异常", en="order status abnormal"),
    "harassment": Text(zh="恶意骚扰", en="harassment"),
    "malicious_review": Text(zh="恶意评价", en="malicious review"),
    "payment_method_refused": Text(zh="拒绝支付方式", en="payment method refused"),
    "logistics_delay": Text(zh="物流延误", en="logistics delay"),
    "logistics_lost": Text(zh="物流丢件", en="lost by the carrier"),
    "logistics_damaged": Text(zh="物流损坏", en="damaged by the carrier"),
    "prohibited_goods": Text(zh="禁售商品", en="prohibited goods"),
    "restricted_goods": Text(zh="限售商品", en="restricted goods"),
    "fake_transactions": Text(zh="虚假交易", en="fake transactions"),
    "ip_infringement": Text(zh="知识产权侵权", en="intellectual property infringed"),
    # E1: the kinds of evidence
    "photo": Text(zh="照片", en="photo"),
    "video": Text(zh="视频", en="video"),
    "authenticity_comparison": Text(zh="正品对比图", en="authenticity comparison"),
    "quality_report": Text(zh="质检报告", en="quality report"),
    "packaging": Text(zh="包装", en="packaging"),
    "order_record": Text(zh="订单记录", en="order record"),
    "chat_record": Text(zh="聊天记录", en="chat record"),
    "payment_record": Text(zh="支付凭证", en="payment record"),
    "tracking_record": Text(zh="物流信息", en="tracking record"),
    "delivery_proof": Text(zh="签收凭证", en="delivery proof"),
    "pickup_record": Text(zh="揽收记录", en="pickup record"),
    "return_slip": Text(zh="退货单据", en="return slip"),
    "carrier_notice": Text(zh="物流公司通知", en="carrier notice"),
    "infringing_link": Text(zh="侵权链接", en="infringing link"),
    "infringement_proof": Text(zh="侵权证明", en="infringement proof"),
    "inspection_report": Text(zh="检测报告", en="inspection report"),
    "appraisal_certificate": Text(zh="鉴定证书", en="appraisal certificate"),
    "invoice": Text(zh="发票", en="invoice"),
    "purchase_receipt": Text(zh="购物凭证", en="purchase receipt"),
    "accessories": Text(zh="配件", en="accessories"),
    "listing_snapshot": Text(zh="商品快照", en="listing snapshot"),
    "call_recording": Text(zh="通话录音", en="call recording"),
    "presale_terms": Text(zh="预售条款", en="presale terms"),
}


def called(word: str) -> Text:
    """What an open word is called; one we do not know (they are open) stands as it is."""
    return WORDS.get(word) or Text(zh=word, en=word.replace("_", " "))


def role(word: str, side: str) -> Text:
    """What a party is called: by its role, or by its side where we do not know the role."""
    return ROLES.get(word) or SIDES[side]
