"""What the open words of the domain are called in Chinese and English: roles, reasons, demands, remedies, evidence."""

from __future__ import annotations

from case_events.core.values import Text

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
"""What a party is called whose role we do not know, or is the other side's, too."""

WORDS: dict[str, Text] = {
    # The marketplaces
    "taobao": Text(zh="淘宝", en="Taobao"),
    "tmall": Text(zh="天猫", en="Tmall"),
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
    "payment_method_refused": Text(zh="拒绝使用支付宝", en="payment method refused"),
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
    # L1-L10, B1: the reasons of logistics complaints and insurance claims
    "forced_installation": Text(zh="物流抢装", en="forced installation"),
    "not_delivered_indoors": Text(zh="未送货入户", en="not delivered indoors"),
    "return_pickup_missed": Text(zh="未按时上门退货", en="return pickup missed"),
    "unboxing_check_skipped": Text(zh="未履行开箱验货", en="unboxing check skipped"),
    "power_on_check_skipped": Text(zh="未履行开箱通电验货", en="power-on check skipped"),
    "return_freight": Text(zh="退货运费", en="return freight"),
    # L6, L9, L10, B2: what became of the goods
    "signed": Text(zh="已签收", en="signed for"),
    "refused": Text(zh="拒收", en="refused"),
    "other_loss": Text(zh="其他损失", en="another loss"),
    "signed_intact": Text(zh="签收且完好", en="signed for, intact"),
    "refused_intact": Text(zh="拒收且完好", en="refused, intact"),
    "signed_damaged": Text(zh="签收且破损", en="signed for, damaged"),
    "refused_damaged": Text(zh="拒收且破损", en="refused, damaged"),
    "refused_returned": Text(zh="拒收并退回", en="refused and returned"),
    "kept": Text(zh="接受错货", en="wrong goods kept"),
    "exchanged_offline": Text(zh="线下换货", en="exchanged offline"),
    "not_recovered": Text(zh="不能追回", en="not recovered"),
    "refused_delivery": Text(zh="拒签", en="delivery refused"),
    "returned": Text(zh="退货", en="returned"),
    # L0: the documents
    "trade_outbound": Text(zh="交易出库单", en="trade outbound order"),
    "exchange_outbound": Text(zh="换货出库单", en="exchange outbound order"),
    "ordinary_outbound": Text(zh="普通出库单", en="ordinary outbound order"),
    # IP1: the rights
    "trademark": Text(zh="商标", en="trademark"),
    "picture": Text(zh="图片", en="picture"),
    "description": Text(zh="描述", en="description"),
    "brand": Text(zh="品牌", en="brand"),
    # F3: special goods, longer promises, and why a window is extended
    "fresh": Text(zh="生鲜", en="fresh goods"),
    "customised": Text(zh="定制商品", en="customised goods"),
    "thirty_day_returns": Text(zh="30天退换承诺", en="thirty-day returns"),
    "faulty_goods": Text(zh="商品有问题", en="faulty goods"),
    "merchant_refused": Text(zh="商家拒绝处理", en="the merchant refused"),
    # B2, B3: the insured categories and promises
    "television": Text(zh="电视", en="television"),
    "washing_machine": Text(zh="洗衣机", en="washing machine"),
    "refrigerator": Text(zh="冰箱", en="refrigerator"),
    "small_appliance": Text(zh="小家电", en="small appliance"),
    "furniture": Text(zh="家具", en="furniture"),
    "other": Text(zh="其他类目", en="other goods"),
    "group_sale": Text(zh="聚划算", en="group sale"),
    "shipping_insurance": Text(zh="大运险", en="shipping insurance"),
    # F1, F4, F10: the states of an order; its instants
    "awaiting_payment": Text(zh="待付款", en="awaiting payment"),
    "paid": Text(zh="已付款", en="paid"),
    "shipped": Text(zh="已发货", en="shipped"),
    "trade_success": Text(zh="交易成功", en="trade successful"),
    "trade_closed": Text(zh="交易关闭", en="trade closed"),
    "created_at": Text(zh="订单创建", en="the order's creation"),
    "paid_at": Text(zh="付款", en="payment"),
    "shipped_at": Text(zh="发货", en="shipment"),
    "succeeded_at": Text(zh="交易成功", en="trade success"),
    "closed_at": Text(zh="交易关闭", en="closing"),
    # F4: what a review says
    "neutral": Text(zh="中评", en="neutral"),
    "negative": Text(zh="差评", en="negative"),
    # I3: the channels of a filing; I4, P3: the instances after the first ruling
    "order_page": Text(zh="订单页面", en="the order page"),
    "appeal": Text(zh="申诉", en="appeal"),
    "reconsideration": Text(zh="复议", en="reconsideration"),
    "arbitration": Text(zh="仲裁", en="arbitration"),
    # P5: who decides outside
    "regulator": Text(zh="市场监管部门", en="the regulator"),
    "police": Text(zh="公安机关", en="the police"),
    "court": Text(zh="法院", en="the court"),
    # The grounds of an erasure (PIPL article 47)
    "purpose_achieved": Text(zh="处理目的已实现", en="the purpose was achieved"),
    "retention_expired": Text(zh="保存期限已届满", en="the time of keeping is over"),
    "consent_withdrawn": Text(zh="个人撤回同意", en="consent was withdrawn"),
    "unlawful": Text(zh="违法处理", en="it was processed unlawfully"),
    # Q3: the kinds of case
    "complaint": Text(zh="投诉", en="complaint"),
    "after_sales": Text(zh="售后", en="after-sales claim"),
    "report": Text(zh="举报", en="report"),
    "logistics": Text(zh="物流投诉", en="logistics complaint"),
    "insurance": Text(zh="保险理赔", en="insurance claim"),
    "supervision": Text(zh="平台监管", en="supervision"),
}


def called(word: str) -> Text:
    """What an open word is called; one we do not know (they are open) stands as it is."""
    return WORDS.get(word) or Text(zh=word, en=word.replace("_", " "))


def role(word: str, side: str) -> Text:
    """What a party is called: by its role, or by its side where we do not know the role."""
    return ROLES.get(word) or SIDES[side]
